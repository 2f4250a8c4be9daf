// A stream of bytes: a file, or what a decompressor makes of one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ullage::app {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to `size` bytes to `to`; 0 only at the end. Throws Failure naming the file and what is
  /// wrong.
  virtual std::size_t read(char* to, std::size_t size) = 0;
  /// Bytes taken from the file so far, before decompression: for progress.
  [[nodiscard]] virtual std::uint64_t consumed() const = 0;
};

}  // namespace ullage::app
