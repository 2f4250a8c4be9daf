// The resident memory of this process, as the kernel counts it. Allocates nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace ullage::test {

struct Resident {
  std::uint64_t anon = 0;   ///< private memory
  std::uint64_t shmem = 0;  ///< memfd and shared memory: an arena may be backed by either
  std::uint64_t file = 0;   ///< program text and mapped files, which are nobody's data
  std::uint64_t peak = 0;   ///< highest sum of the three since reset_peak()

  [[nodiscard]] std::uint64_t data() const noexcept { return anon + shmem; }

  static Resident now() noexcept {
    char text[4096];
    const int fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    std::size_t have = 0;
    while (have < sizeof text - 1) {
      const ssize_t got = ::read(fd, text + have, sizeof text - 1 - have);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    ::close(fd);
    text[have] = '\0';
    return {line(text, "RssAnon:"), line(text, "RssShmem:"), line(text, "RssFile:"),
            line(text, "VmHWM:")};
  }

  /// Makes the kernel forget the peak so far.
  static void reset_peak() noexcept {
    const int fd = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    const ssize_t ignored = ::write(fd, "5", 1);
    static_cast<void>(ignored);
    ::close(fd);
  }

 private:
  static std::uint64_t line(const char* text, const char* key) noexcept {
    const char* found = std::strstr(text, key);
    return found == nullptr ? 0 : std::strtoull(found + std::strlen(key), nullptr, 10) * 1024;
  }
};

/// What was added to the process since the meter was made: by samples, and by the kernel's own
/// peak.
class ResidentMeter {
 public:
  ResidentMeter() noexcept {
    Resident::reset_peak();
    start_ = Resident::now();
  }

  /// Takes a sample and answers the bytes added up to now.
  std::uint64_t sample() noexcept {
    const Resident now = Resident::now();
    const std::uint64_t added = now.data() > start_.data() ? now.data() - start_.data() : 0;
    sampled_peak_ = std::max(sampled_peak_, added);
    const std::uint64_t text = now.file > start_.file ? now.file - start_.file : 0;
    const std::uint64_t base = start_.data() + start_.file + text;
    kernel_peak_ = std::max(kernel_peak_, now.peak > base ? now.peak - base : 0);
    return added;
  }
  /// The highest of all samples and of the kernel's high-water mark, less what is program text.
  [[nodiscard]] std::uint64_t peak() const noexcept {
    return std::max(sampled_peak_, kernel_peak_);
  }

 private:
  Resident start_;
  std::uint64_t sampled_peak_ = 0;
  std::uint64_t kernel_peak_ = 0;
};

}  // namespace ullage::test
