// Where replies gather.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace ullage::resp {

/// Bytes in one stretch that grows at its end, up to what grow() gives. Past that everything is
/// dropped and failed() stays true: a reply that does not fit is worth nothing in part.
class Output {
 public:
  Output() noexcept = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  virtual ~Output() = default;

  void append(std::string_view bytes) {
    if (bytes.size() > room() && !make_room(bytes.size())) return;
    if (!bytes.empty()) std::memcpy(end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  void append(char c) {
    if (room() == 0 && !make_room(1)) return;
    *end_++ = c;
  }
  /// Whether there is room for `bytes` bytes; write them from end() on, then commit() them.
  [[nodiscard]] bool reserve(std::size_t bytes) { return bytes <= room() || make_room(bytes); }
  [[nodiscard]] char* end() noexcept { return end_; }
  void commit(std::size_t bytes) noexcept { end_ += bytes; }

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - data_); }
  [[nodiscard]] std::string_view view() const noexcept { return {data_, size()}; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// Forgets everything from `size` on, and a failure with it.
  void truncate(std::size_t size) noexcept {
    end_ = data_ + size;
    failed_ = false;
  }
  /// Replaces bytes that are there. REQUIRES: at + bytes.size() <= size().
  void overwrite(std::size_t at, std::string_view bytes) noexcept {
    std::memcpy(data_ + at, bytes.data(), bytes.size());
  }
  /// Puts bytes in at `at`, before what is there. O(what is behind `at`).
  void insert(std::size_t at, std::string_view bytes) {
    if (!reserve(bytes.size())) return;
    std::memmove(data_ + at + bytes.size(), data_ + at, size() - at);
    std::memcpy(data_ + at, bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  /// Takes bytes out. O(what is behind them). REQUIRES: at + bytes <= size().
  void erase(std::size_t at, std::size_t bytes) noexcept {
    std::memmove(data_ + at, data_ + at + bytes, size() - at - bytes);
    end_ -= bytes;
  }

 protected:
  /// Makes room() at least `bytes`, keeping what is there: sets the memory with hold(). False
  /// leaves everything as it was.
  virtual bool grow(std::size_t bytes) = 0;
  void hold(char* data, std::size_t size, std::size_t capacity) noexcept {
    data_ = data;
    end_ = data + size;
    limit_ = data + capacity;
  }
  [[nodiscard]] std::size_t room() const noexcept {
    return static_cast<std::size_t>(limit_ - end_);
  }

 private:
  bool make_room(std::size_t bytes) {
    if (failed_) return false;
    if (grow(bytes)) return true;
    failed_ = true;
    return false;
  }

  char nothing_ = 0;  // what an output without memory points to
  char* data_ = &nothing_;
  char* end_ = &nothing_;
  char* limit_ = &nothing_;
  bool failed_ = false;
};

}  // namespace ullage::resp
