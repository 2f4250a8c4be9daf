#include "base/resident.h"

#include <ullage/observe/allocator.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ullage::app {
namespace {

// Reads a small file of /proc into a buffer of the caller: measuring memory must not allocate any.
std::string_view read_small(const char* path, std::array<char, 8192>& buffer) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(file, buffer.data() + size, buffer.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(file);
  return {buffer.data(), size};
}

// The number behind `key` in lines such as "VmHWM:      5120 kB", in bytes; 0 if it is not there.
std::uint64_t kilobytes_of(std::string_view text, std::string_view key) {
  std::size_t at = text.find(key);
  if (at == std::string_view::npos) return 0;
  at = text.find_first_of("0123456789", at + key.size());
  if (at == std::string_view::npos) return 0;
  std::uint64_t value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value * 1024;
}

std::uint64_t statm_resident() {
  std::array<char, 8192> buffer;
  const std::string_view text = read_small("/proc/self/statm", buffer);
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(text.data() + space + 1, text.data() + text.size(), pages);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::uint64_t resident_bytes() {
  std::array<char, 8192> buffer;
  const std::uint64_t exact = kilobytes_of(read_small("/proc/self/smaps_rollup", buffer), "\nRss:");
  return exact != 0 ? exact : statm_resident();
}

std::uint64_t resident_peak_bytes() {
  std::array<char, 8192> buffer;
  const std::uint64_t peak = kilobytes_of(read_small("/proc/self/status", buffer), "VmHWM:");
  return std::max(peak, statm_resident());
}

bool reset_resident_peak() {
  const int file = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = ::write(file, "5", 1) == 1;
  ::close(file);
  return done;
}

void return_free_memory() {
  observe::release_free_memory();
}

void prefault_program() {
#ifdef MADV_POPULATE_READ
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> maps(std::fopen("/proc/self/maps", "re"),
                                                             &std::fclose);
  if (!maps) return;
  char line[1024];
  while (std::fgets(line, sizeof line, maps.get()) != nullptr) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char rights[5] = {};
    if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, rights) != 3) continue;
    // Only what comes from files and is never written: code and constants.
    if (rights[0] != 'r' || rights[1] == 'w' || std::strchr(line, '/') == nullptr) continue;
    // A failure only means that the pages come later, as they would have anyway.
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_READ);
  }
#endif
}

}  // namespace ullage::app
