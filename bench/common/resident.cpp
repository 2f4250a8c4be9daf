#include "common/resident.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace ullage::bench {

namespace {
using Buffer = std::array<char, 8192>;

bool read_small(const char* path, Buffer& buffer) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::size_t size = 0;
  while (size < buffer.size() - 1) {
    const ssize_t got = ::read(file, buffer.data() + size, buffer.size() - 1 - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(file);
  buffer[size] = '\0';
  return size != 0;
}

std::uint64_t kilobytes_of(const Buffer& text, const char* key) {
  const char* found = std::strstr(text.data(), key);
  return found == nullptr ? 0 : std::strtoull(found + std::strlen(key), nullptr, 10) * 1024;
}

void reset_peak() {
  const int file = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  // Where the kernel refuses, the peak includes what came before: the reading is only stricter.
  [[maybe_unused]] const ssize_t ignored = ::write(file, "5", 1);
  ::close(file);
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}
}  // namespace

Resident Resident::now() {
  Buffer text;
  if (!read_small("/proc/self/status", text)) return {};
  return {kilobytes_of(text, "\nRssAnon:") + kilobytes_of(text, "\nRssShmem:"),
          kilobytes_of(text, "\nRssFile:"), kilobytes_of(text, "\nVmHWM:")};
}

std::uint64_t exact_resident_bytes() {
  Buffer text;
  if (!read_small("/proc/self/smaps_rollup", text)) return Resident::now().data;
  // The halves of the file's own pages that were written count as anonymous, as they should.
  return kilobytes_of(text, "\nAnonymous:") + kilobytes_of(text, "\nPss_Shmem:");
}

ResidentMeter::ResidentMeter() : start_exact_(exact_resident_bytes()) {
  reset_peak();
  start_ = Resident::now();
}

std::uint64_t ResidentMeter::added() const {
  return less(exact_resident_bytes(), start_exact_);
}

std::uint64_t ResidentMeter::sample() {
  const Resident now = Resident::now();
  const std::uint64_t added = less(now.data, start_.data);
  peak_ = std::max(peak_, added);
  return added;
}

std::uint64_t ResidentMeter::peak() {
  const Resident now = Resident::now();
  peak_ = std::max({peak_, less(now.data, start_.data),
                    less(now.peak, start_.data + std::max(start_.file, now.file))});
  return peak_;
}

}  // namespace ullage::bench
