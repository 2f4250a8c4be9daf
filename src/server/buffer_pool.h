// The memory of all clients together: what they have sent that is no whole request yet, and what
// they have not read yet.
//
// One reservation of fixed size, cut by halves (the buddy system, Knuth vol. 1, 2.5): a block is a
// power of two, lies at a multiple of its size, and merges with its other half as soon as both are
// free. So nothing that clients do together takes more than the reservation, whatever they send,
// and what is free is found in a step for each size. A freed large block goes back to the system.
//
//   sizes   256 B, 512 B, ... up to the whole
//   state   one byte for each 256 B: at a free or used block's first unit its size, else 0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace ullage::server {

class BufferPool;

/// A piece of the pool; gives itself back.
class Block {
 public:
  Block() noexcept = default;
  Block(Block&& other) noexcept { swap(other); }
  Block& operator=(Block&& other) noexcept {
    if (this != &other) {
      reset();
      swap(other);
    }
    return *this;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { reset(); }

  [[nodiscard]] char* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  void reset() noexcept;

 private:
  friend class BufferPool;
  Block(BufferPool& pool, char* data, std::size_t size) noexcept
      : pool_(&pool), data_(data), size_(size) {}
  void swap(Block& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  BufferPool* pool_ = nullptr;
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Thread-safe. O(number of sizes) a call.
class BufferPool {
 public:
  static constexpr std::size_t k_unit_bytes = 256;
  /// The last part of the pool is for blocks up to so many bytes: those who hold large ones leave
  /// room for the others' requests and replies.
  static constexpr std::size_t k_small_bytes = 64 * 1024;

  /// Reserves `bytes`, rounded down to a unit. Throws std::system_error if the system refuses.
  explicit BufferPool(std::size_t bytes);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A block of at least `bytes`; empty if there is none.
  [[nodiscard]] Block take(std::size_t bytes) noexcept;

  /// Makes a block twice its size where it lies, if its other half is behind it and free.
  [[nodiscard]] bool extend(Block& block) noexcept;

  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return units_ * k_unit_bytes; }
  /// Whether only small blocks are given out.
  [[nodiscard]] bool is_scarce() const noexcept {
    return used_bytes() > capacity_bytes() - capacity_bytes() / k_reserve_share;
  }
  [[nodiscard]] std::size_t used_bytes() const noexcept {
    return used_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t peak_bytes() const noexcept {
    return peak_bytes_.load(std::memory_order_relaxed);
  }
  /// How many blocks were taken, and how many of these lie where others did before: statistics.
  [[nodiscard]] std::uint64_t taken() const noexcept {
    return taken_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t reused() const noexcept {
    return reused_.load(std::memory_order_relaxed);
  }
  /// How often there was no block: statistic.
  [[nodiscard]] std::uint64_t refusals() const noexcept {
    return refusals_.load(std::memory_order_relaxed);
  }

 private:
  friend class Block;

  // A block of order k has k_unit_bytes << k bytes.
  using Unit = std::uint32_t;
  static constexpr Unit k_none = UINT32_MAX;
  static constexpr std::uint8_t k_free = 0x80;
  static constexpr std::size_t k_reserve_share = 8;
  static constexpr std::size_t k_returned_bytes = 64 * 1024;

  // The links of a free block, in its own memory.
  struct Links {
    Unit next;
    Unit previous;
  };

  [[nodiscard]] char* at(Unit unit) const noexcept { return memory_ + unit * k_unit_bytes; }
  [[nodiscard]] Links& links(Unit unit) const noexcept;
  void push(Unit unit, unsigned order) noexcept;
  void unlink(Unit unit, unsigned order) noexcept;
  void give(char* data, std::size_t size) noexcept;
  void count_used(std::size_t more) noexcept;
  void count_taken(std::size_t units_end, std::size_t size) noexcept;
  [[nodiscard]] Unit unit_of(const char* data) const noexcept {
    return static_cast<Unit>(static_cast<std::size_t>(data - memory_) / k_unit_bytes);
  }

  std::size_t units_;
  char* memory_ = nullptr;
  std::mutex mutex_;
  std::unique_ptr<std::uint8_t[]> state_;  // guarded by mutex_; order + 1, and k_free
  std::vector<Unit> free_;                 // guarded by mutex_; head of the list of each order
  std::atomic<std::size_t> used_bytes_{0};
  std::atomic<std::size_t> peak_bytes_{0};
  std::size_t touched_units_ = 0;  // guarded by mutex_; from there on nobody had any
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> reused_{0};
  std::atomic<std::uint64_t> refusals_{0};
};

}  // namespace ullage::server
