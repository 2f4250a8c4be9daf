#include "observe/loaded_code.h"

#include "observe/hexadecimal.h"

#include <cstring>
#include <string_view>

#include <elf.h>
#include <link.h>
#include <unistd.h>

namespace ullage::observe {

namespace {

std::string program_file() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

const char* in_memory(const dl_phdr_info& object, const ElfW(Phdr) & segment) noexcept {
  return reinterpret_cast<const char*>(object.dlpi_addr + segment.p_vaddr);
}

/// The note that the linker leaves: a number of the build. Notes are three numbers, the name and
/// the description, each filled up to a multiple of four.
std::string build_id_of(const dl_phdr_info& object) {
  constexpr std::string_view k_gnu("GNU\0", 4);
  const auto filled_up = [](std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; };
  for (std::size_t i = 0; i < object.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    std::string_view notes(in_memory(object, segment), segment.p_memsz);
    while (notes.size() >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, notes.data(), sizeof note);
      notes.remove_prefix(sizeof note);
      const std::size_t name_bytes = filled_up(note.n_namesz);
      const std::size_t bytes = name_bytes + filled_up(note.n_descsz);
      if (bytes > notes.size()) break;
      if (note.n_type == NT_GNU_BUILD_ID && notes.substr(0, note.n_namesz) == k_gnu) {
        return hexadecimal(notes.substr(name_bytes, note.n_descsz));
      }
      notes.remove_prefix(bytes);
    }
  }
  return {};
}

bool is_code(const ElfW(Phdr) & segment) noexcept {
  return segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0;
}

CodeRange range_of(const dl_phdr_info& object, const ElfW(Phdr) & segment) noexcept {
  const std::uint64_t begin = object.dlpi_addr + segment.p_vaddr;
  return {.begin = begin, .end = begin + segment.p_memsz};
}

int add_object(dl_phdr_info* object, std::size_t /*bytes*/, void* to) {
  auto& all = *static_cast<std::vector<LoadedCode>*>(to);
  const bool is_program = all.empty();  // it comes first
  const std::string build_id = build_id_of(*object);
  const std::string_view name = object->dlpi_name == nullptr ? "" : object->dlpi_name;
  for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (!is_code(segment)) continue;
    all.push_back({.range = range_of(*object, segment),
                   .file_offset = segment.p_offset,
                   .moved_by = object->dlpi_addr,
                   .file = is_program ? program_file() : std::string(name),
                   .is_program = is_program,
                   .build_id = build_id});
  }
  return 0;
}

int find_program(dl_phdr_info* object, std::size_t /*bytes*/, void* to) {
  for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
    if (!is_code(object->dlpi_phdr[i])) continue;
    *static_cast<CodeRange*>(to) = range_of(*object, object->dlpi_phdr[i]);
    break;
  }
  return 1;  // the first is the program, and enough
}

}  // namespace

std::vector<LoadedCode> loaded_code() {
  std::vector<LoadedCode> all;
  ::dl_iterate_phdr(add_object, &all);
  return all;
}

CodeRange program_code() noexcept {
  CodeRange range;
  ::dl_iterate_phdr(find_program, &range);
  return range;
}

}  // namespace ullage::observe
