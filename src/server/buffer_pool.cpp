#include "server/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include <sys/mman.h>

namespace ullage::server {

void Block::reset() noexcept {
  if (pool_ != nullptr) pool_->give(data_, size_);
  pool_ = nullptr;
  data_ = nullptr;
  size_ = 0;
}

BufferPool::BufferPool(std::size_t bytes) : units_(bytes / k_unit_bytes) {
  void* memory = ::mmap(nullptr, std::max<std::size_t>(capacity_bytes(), 1), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw std::system_error(errno, std::generic_category(), "memory for client buffers");
  memory_ = static_cast<char*>(memory);
  // The kernel must not fill up what was given back.
  ::madvise(memory, capacity_bytes(), MADV_NOHUGEPAGE);
  state_.reset(new std::uint8_t[units_]{});
  free_.assign(static_cast<std::size_t>(std::bit_width(units_)) + 1, k_none);
  // The whole as the largest blocks that lie at multiples of their sizes.
  for (std::size_t unit = 0; unit < units_;) {
    const auto left = static_cast<unsigned>(std::bit_width(units_ - unit)) - 1;
    const auto aligned = unit == 0 ? left : static_cast<unsigned>(std::countr_zero(unit));
    const unsigned order = std::min(left, aligned);
    push(static_cast<Unit>(unit), order);
    unit += std::size_t{1} << order;
  }
}

BufferPool::~BufferPool() {
  ::munmap(memory_, std::max<std::size_t>(capacity_bytes(), 1));
}

BufferPool::Links& BufferPool::links(Unit unit) const noexcept {
  return *std::launder(reinterpret_cast<Links*>(at(unit)));
}

void BufferPool::push(Unit unit, unsigned order) noexcept {
  new (at(unit)) Links{free_[order], k_none};
  if (free_[order] != k_none) links(free_[order]).previous = unit;
  free_[order] = unit;
  state_[unit] = static_cast<std::uint8_t>((order + 1) | k_free);
}

void BufferPool::unlink(Unit unit, unsigned order) noexcept {
  const Links here = links(unit);
  if (here.previous == k_none) {
    free_[order] = here.next;
  } else {
    links(here.previous).next = here.next;
  }
  if (here.next != k_none) links(here.next).previous = here.previous;
  state_[unit] = 0;
}

Block BufferPool::take(std::size_t bytes) noexcept {
  const std::size_t units = std::max<std::size_t>((bytes + k_unit_bytes - 1) / k_unit_bytes, 1);
  const auto wanted = static_cast<unsigned>(std::bit_width(units - 1));
  const std::scoped_lock lock(mutex_);
  unsigned order = wanted;
  while (order < free_.size() && free_[order] == k_none)
    ++order;
  const bool is_large = (k_unit_bytes << wanted) > k_small_bytes;
  if (units > units_ || order >= free_.size() || (is_large && is_scarce())) {
    refusals_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  const Unit unit = free_[order];
  unlink(unit, order);
  while (order > wanted) {
    --order;
    push(unit + (Unit{1} << order), order);
  }
  state_[unit] = static_cast<std::uint8_t>(order + 1);
  const std::size_t size = k_unit_bytes << order;
  count_used(size);
  count_taken(unit + (std::size_t{1} << order), size);
  return {*this, at(unit), size};
}

// Under the mutex. What is given back to the system is nobody's before it is taken.
void BufferPool::count_taken(std::size_t units_end, std::size_t size) noexcept {
  taken_.fetch_add(1, std::memory_order_relaxed);
  if (units_end <= touched_units_ && size < k_returned_bytes)
    reused_.fetch_add(1, std::memory_order_relaxed);
  touched_units_ = std::max(touched_units_, units_end);
}

void BufferPool::count_used(std::size_t more) noexcept {
  const std::size_t used = used_bytes_.fetch_add(more, std::memory_order_relaxed) + more;
  if (used > peak_bytes_.load(std::memory_order_relaxed))
    peak_bytes_.store(used, std::memory_order_relaxed);
}

bool BufferPool::extend(Block& block) noexcept {
  const std::scoped_lock lock(mutex_);
  const Unit unit = unit_of(block.data_);
  const unsigned order = static_cast<unsigned>(state_[unit]) - 1;
  const Unit buddy = unit ^ (Unit{1} << order);
  if (buddy < unit || buddy + (std::size_t{1} << order) > units_ ||
      state_[buddy] != static_cast<std::uint8_t>((order + 1) | k_free))
    return false;
  unlink(buddy, order);
  state_[unit] = static_cast<std::uint8_t>(order + 2);
  count_used(block.size_);
  block.size_ *= 2;
  return true;
}

void BufferPool::give(char* data, std::size_t size) noexcept {
  // Before anybody else can have it.
  if (size >= k_returned_bytes) ::madvise(data, size, MADV_DONTNEED);
  const std::scoped_lock lock(mutex_);
  Unit unit = unit_of(data);
  unsigned order = static_cast<unsigned>(state_[unit]) - 1;
  state_[unit] = 0;
  for (; order + 1 < free_.size(); ++order) {
    const Unit buddy = unit ^ (Unit{1} << order);
    if (buddy + (std::size_t{1} << order) > units_) break;
    if (state_[buddy] != static_cast<std::uint8_t>((order + 1) | k_free)) break;
    unlink(buddy, order);
    unit = std::min(unit, buddy);
  }
  push(unit, order);
  used_bytes_.fetch_sub(size, std::memory_order_relaxed);
}

}  // namespace ullage::server
