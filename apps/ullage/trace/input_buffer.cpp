#include "trace/input_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ullage::app {

InputBuffer::InputBuffer(std::unique_ptr<ByteSource> source)
    : source_(std::move(source)), buffer_(2 * k_line_max) {}

bool InputBuffer::fill() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) return false;
  const std::size_t got = source_->read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  return got != 0;
}

std::string_view InputBuffer::peek(std::size_t size) {
  while (end_ - begin_ < size && fill()) {
  }
  return {buffer_.data() + begin_, std::min(size, end_ - begin_)};
}

std::optional<InputBuffer::Line> InputBuffer::next_line() {
  std::size_t searched = 0;
  for (;;) {
    const char* start = buffer_.data() + begin_;
    const std::size_t size = end_ - begin_;
    const void* found =
        size > searched ? std::memchr(start + searched, '\n', size - searched) : nullptr;
    if (found != nullptr || size > k_line_max) {
      const std::size_t length =
          found ? static_cast<std::size_t>(static_cast<const char*>(found) - start) : size;
      Line line{{start, length}, length > k_line_max};
      if (line.too_long) line.text = line.text.substr(0, 256);
      begin_ += length + (found != nullptr ? 1 : 0);
      if (found == nullptr) {
        // The rest of the endless line goes. Its excerpt is saved first: fill() moves the buffer.
        static thread_local std::vector<char> excerpt;
        excerpt.assign(line.text.begin(), line.text.end());
        line.text = {excerpt.data(), excerpt.size()};
        for (;;) {
          begin_ = end_;
          if (!fill()) break;
          const void* end = std::memchr(buffer_.data(), '\n', end_);
          if (end != nullptr) {
            begin_ = static_cast<std::size_t>(static_cast<const char*>(end) - buffer_.data()) + 1;
            break;
          }
        }
      }
      if (line.text.ends_with('\r')) line.text.remove_suffix(1);
      return line;
    }
    searched = size;
    if (!fill()) {
      if (size == 0) return std::nullopt;
      begin_ = end_;  // the last line has no line end
      Line line{{buffer_.data(), size}, false};
      if (line.text.ends_with('\r')) line.text.remove_suffix(1);
      return line;
    }
  }
}

}  // namespace ullage::app
