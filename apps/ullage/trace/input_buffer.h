// A byte stream cut into lines or records, in one buffer of fixed size.
#pragma once

#include "trace/byte_source.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace ullage::app {

class InputBuffer {
 public:
  /// A longer line is malformed; a name has at most 1 KiB, so that honest lines stay far below.
  static constexpr std::size_t k_line_max = 64 * 1024;

  explicit InputBuffer(std::unique_ptr<ByteSource> source);

  /// Up to `size` bytes from the front without taking them; fewer only at the end of the input.
  std::string_view peek(std::size_t size);
  /// Takes bytes that peek() showed.
  void skip(std::size_t size) noexcept { begin_ += size; }

  struct Line {
    std::string_view text;  ///< without its line end; valid until the next call
    bool too_long = false;  ///< text is only its beginning; the rest is skipped
  };
  /// The next line, or none at the end. Both \n and \r\n end a line.
  std::optional<Line> next_line();

  [[nodiscard]] std::uint64_t consumed() const { return source_->consumed(); }

 private:
  bool fill();  // false at the end

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // [begin_, end_) is unread
  std::size_t end_ = 0;
};

}  // namespace ullage::app
