// Where a thread's replies gather before they are sent.
#pragma once

#include "resp/output.h"
#include "server/buffer_pool.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace ullage::server {

/// Memory of its own for what is usual; what is larger comes from the pool, up to all that it has.
/// Not thread-safe.
class ReplyBuffer final : public resp::Output {
 public:
  static constexpr std::size_t k_own_bytes = 64 * 1024;

  /// Where larger memory comes from: at least so many bytes, or an empty block.
  using Source = std::function<Block(std::size_t)>;

  /// `own_bytes`: 0 for one that lives with a client.
  ReplyBuffer(BufferPool& pool, Source source, std::size_t own_bytes = k_own_bytes)
      : pool_(pool), source_(std::move(source)), own_bytes_(own_bytes), own_(new char[own_bytes]) {
    clear();
  }

  /// Forgets what is there, and gives what came from the pool back.
  void clear() noexcept {
    block_.reset();
    hold(own_.get(), 0, own_bytes_);
    truncate(0);
  }

  /// Bytes of the pool that it holds.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return block_.size(); }

  /// Whether most of its block would be kept by keeping what is there from `at` on.
  [[nodiscard]] bool is_mostly_from(std::size_t at) const noexcept {
    return !block_.empty() && block_.size() <= 2 * (size() - at);
  }
  /// Hands its block over with what is in it, and is clear. REQUIRES: is_mostly_from() some place.
  [[nodiscard]] Block release() noexcept {
    Block block = std::move(block_);
    clear();
    return block;
  }

 private:
  bool grow(std::size_t bytes) override;

  BufferPool& pool_;
  Source source_;
  const std::size_t own_bytes_;
  std::unique_ptr<char[]> own_;
  Block block_;  // instead of own_, once that was too small
};

}  // namespace ullage::server
