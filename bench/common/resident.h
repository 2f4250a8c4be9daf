// What the kernel says this process holds in memory. Measuring allocates nothing.
#pragma once

#include <cstdint>

namespace ullage::bench {

struct Resident {
  std::uint64_t data = 0;  ///< private and shared memory: an arena may be backed by either
  std::uint64_t file = 0;  ///< program text and mapped files, which are nobody's data
  std::uint64_t peak = 0;  ///< the highest sum of the two so far (VmHWM)

  /// From /proc/self/status: cheap, and may lag by a few pages a thread.
  static Resident now();
};

/// Resident data bytes, exact where /proc/self/smaps_rollup can be read (about 20 us a MiB).
std::uint64_t exact_resident_bytes();

/// What was added to the process since the meter was made.
class ResidentMeter {
 public:
  ResidentMeter();

  /// Bytes added by now, exact.
  [[nodiscard]] std::uint64_t added() const;
  /// Takes a cheap sample for peak(); answers the bytes added by now.
  std::uint64_t sample();
  /// The most that was ever added: the greatest sample, or the kernel's own high-water mark less
  /// the program text that became resident since.
  [[nodiscard]] std::uint64_t peak();

 private:
  std::uint64_t start_exact_ = 0;
  Resident start_;
  std::uint64_t peak_ = 0;
};

}  // namespace ullage::bench
