#include "observe/elf_file.h"

#include "observe/hexadecimal.h"

#include <fcntl.h>
#include <unistd.h>

namespace ullage::observe {

ElfFile::ElfFile(const std::string& path) noexcept
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ >= 0 && ::elf_version(EV_CURRENT) != EV_NONE)
    elf_ = ::elf_begin(descriptor_, ELF_C_READ_MMAP, nullptr);
}

ElfFile::~ElfFile() {
  ::elf_end(elf_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<ElfFile::Table> ElfFile::symbols() const noexcept {
  if (elf_ == nullptr) return std::nullopt;
  std::optional<Table> found;
  for (Elf_Scn* section = ::elf_nextscn(elf_, nullptr); section != nullptr;
       section = ::elf_nextscn(elf_, section)) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr || header.sh_entsize == 0) continue;
    if (header.sh_type != SHT_SYMTAB && (header.sh_type != SHT_DYNSYM || found)) continue;
    Elf_Data* const data = ::elf_getdata(section, nullptr);
    if (data == nullptr) continue;
    found = Table{
        .symbols = data, .count = header.sh_size / header.sh_entsize, .texts = header.sh_link};
  }
  return found;
}

std::string ElfFile::build_id() const {
  std::string id;
  for (Elf_Scn* section = elf_ == nullptr ? nullptr : ::elf_nextscn(elf_, nullptr);
       section != nullptr && id.empty(); section = ::elf_nextscn(elf_, section)) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_NOTE) continue;
    Elf_Data* const data = ::elf_getdata(section, nullptr);
    if (data == nullptr) continue;
    GElf_Nhdr note;
    std::size_t name = 0;
    std::size_t text = 0;
    for (std::size_t at = 0; (at = ::gelf_getnote(data, at, &note, &name, &text)) != 0;) {
      if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4) continue;
      id += hexadecimal({static_cast<const char*>(data->d_buf) + text, note.n_descsz});
    }
  }
  return id;
}

std::optional<std::uint64_t> ElfFile::address_of(std::uint64_t file_offset) const noexcept {
  std::size_t count = 0;
  if (elf_ == nullptr || ::elf_getphdrnum(elf_, &count) != 0) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (::gelf_getphdr(elf_, static_cast<int>(i), &segment) == nullptr) continue;
    if (segment.p_type == PT_LOAD && file_offset - segment.p_offset < segment.p_filesz)
      return segment.p_vaddr + (file_offset - segment.p_offset);
  }
  return std::nullopt;
}

}  // namespace ullage::observe
