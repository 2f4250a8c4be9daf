// What a client has not read yet.
#pragma once

#include "server/buffer_pool.h"

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

namespace ullage::server {

/// Bytes in one block of the pool: none while there are none. Not thread-safe.
class PendingOutput {
 public:
  [[nodiscard]] bool empty() const noexcept { return at_ == end_; }
  [[nodiscard]] std::string_view view() const noexcept { return {block_.data() + at_, size()}; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - at_; }
  /// Bytes of the pool that it holds.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return block_.size(); }

  /// The first so many bytes are sent. REQUIRES: bytes <= size().
  void consume(std::size_t bytes) noexcept {
    at_ += bytes;
    if (at_ == end_) clear();
  }
  void clear() noexcept {
    block_.reset();
    at_ = end_ = 0;
  }
  /// Takes a block over, whose bytes from `begin` to `end` are to be sent. REQUIRES: empty().
  void adopt(Block block, std::size_t begin, std::size_t end) noexcept {
    block_ = std::move(block);
    at_ = begin;
    end_ = end;
  }

  /// Puts bytes at the end; false, with nothing changed, if there is no memory. `source(bytes)`
  /// gives a block, or an empty one.
  template <class Source>
  [[nodiscard]] bool append(std::string_view bytes, BufferPool& pool, Source source) {
    if (block_.size() - end_ < bytes.size() && at_ > size() &&
        block_.size() - size() >= bytes.size()) {
      std::memcpy(block_.data(), block_.data() + at_, size());  // what was sent is half of it
      end_ -= at_;
      at_ = 0;
    }
    while (!block_.empty() && block_.size() - end_ < bytes.size() && pool.extend(block_)) {
    }
    if (block_.size() - end_ < bytes.size()) {
      const std::size_t kept = size();
      Block larger = source(kept + bytes.size());
      if (larger.empty()) return false;
      if (kept != 0) std::memcpy(larger.data(), block_.data() + at_, kept);
      adopt(std::move(larger), 0, kept);
    }
    std::memcpy(block_.data() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
    return true;
  }

 private:
  Block block_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

}  // namespace ullage::server
