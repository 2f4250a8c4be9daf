// A bound on bytes that many share.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace ullage::command {

/// Thread-safe; orders nothing but itself.
class ByteBudget {
 public:
  explicit ByteBudget(std::size_t limit_bytes) noexcept : limit_bytes_(limit_bytes) {}

  /// False, with nothing taken, if not so many are left.
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    std::size_t used = used_bytes_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_bytes_ - used) return false;
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void give(std::size_t bytes) noexcept { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t used_bytes() const noexcept {
    return used_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_bytes_; }

 private:
  const std::size_t limit_bytes_;
  std::atomic<std::size_t> used_bytes_{0};
};

/// What one owner has taken from a budget; gives it back when it goes.
class TakenBytes {
 public:
  explicit TakenBytes(ByteBudget& budget) noexcept : budget_(&budget) {}
  TakenBytes(TakenBytes&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  TakenBytes& operator=(TakenBytes&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  TakenBytes(const TakenBytes&) = delete;
  TakenBytes& operator=(const TakenBytes&) = delete;
  ~TakenBytes() { clear(); }

  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    if (!budget_->take(bytes)) return false;
    bytes_ += bytes;
    return true;
  }
  /// REQUIRES: so many were taken.
  void give(std::size_t bytes) noexcept {
    budget_->give(bytes);
    bytes_ -= bytes;
  }
  /// Gives back what is above that.
  void keep(std::size_t bytes) noexcept {
    if (bytes < bytes_) give(bytes_ - bytes);
  }
  void clear() noexcept { give(bytes_); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  ByteBudget* budget_;
  std::size_t bytes_ = 0;
};

}  // namespace ullage::command
