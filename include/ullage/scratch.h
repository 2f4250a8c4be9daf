// Scratch memory of requests, ready to be pooled: a small map of texts, and memory for std::pmr.
//
//   auto maps = ullage::Pool<ullage::ScratchMap>({.name = "maps"}, {.capacity = 32});
//   auto buffers = ullage::Pool<ullage::ScratchBlock>({.name = "buffers"}, {.capacity = 4096});
//
//   auto fields = maps.lease();              // empty, with room for 32 fields
//   fields->set("theme", "dark");
//
//   ullage::LeasedMemory memory(buffers);    // given back with the request
//   std::pmr::vector<int> numbers(&memory);
#pragma once

#include <ullage/pool.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage {

/// A map of texts that keeps its memory when it is cleared: for the fields of one request, some
/// dozens to some hundreds, from people who are not out to make hashes collide. All texts lie in
/// one block, and fields stay in the order in which they came. Not thread-safe.
class ScratchMap {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  /// Bytes of text that reserve() makes room for, a field.
  static constexpr std::size_t k_text_bytes_per_field = 64;

  void reserve(std::size_t fields) {
    entries_.reserve(fields);
    text_.reserve(fields * k_text_bytes_per_field);
    if (fields * 2 > index_.size()) rehash(fields * 2);
  }

  /// Writes a field. Views that the map gave are void from then on, and must not be passed to it.
  void set(std::string_view name, std::string_view value) {
    const std::uint32_t hash = hash_of(name);
    if ((entries_.size() + 1) * 2 > index_.size()) rehash((entries_.size() + 1) * 2);
    std::uint32_t& place = index_[slot_of(name, hash)];
    if (place == k_free) {
      const Piece kept = keep(name);
      entries_.push_back({hash, kept, {}});
      place = static_cast<std::uint32_t>(entries_.size()) - 1;  // once it is there
      entries_.back().value = keep(value);
      return;
    }
    Piece& old = entries_[place].value;
    if (value.size() <= old.size) {
      if (!value.empty()) std::memmove(text_.data() + old.begin, value.data(), value.size());
      old.size = static_cast<std::uint32_t>(value.size());
    } else {
      old = keep(value);
    }
  }

  /// The value, valid until something is written.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept {
    if (index_.empty()) return std::nullopt;
    const std::uint32_t place = index_[slot_of(name, hash_of(name))];
    if (place == k_free) return std::nullopt;
    return at(entries_[place].value);
  }
  [[nodiscard]] bool contains(std::string_view name) const noexcept {
    return get(name).has_value();
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// The i-th field, in the order in which they came.
  [[nodiscard]] Field operator[](std::size_t i) const noexcept {
    return {at(entries_[i].name), at(entries_[i].value)};
  }

  void clear() noexcept {
    std::fill(index_.begin(), index_.end(), k_free);
    entries_.clear();
    text_.clear();
  }

  /// What it holds besides itself.
  [[nodiscard]] std::size_t footprint_bytes() const noexcept {
    return entries_.capacity() * sizeof(Entry) + index_.capacity() * sizeof(std::uint32_t) +
           text_.capacity();
  }

 private:
  struct Piece {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  struct Entry {
    std::uint32_t hash;
    Piece name;
    Piece value;
  };
  static constexpr std::uint32_t k_free = UINT32_MAX;

  static std::uint32_t hash_of(std::string_view name) noexcept {
    return static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
  }
  [[nodiscard]] std::string_view at(Piece piece) const noexcept {
    return {text_.data() + piece.begin, piece.size};
  }
  Piece keep(std::string_view bytes) {
    const Piece piece{static_cast<std::uint32_t>(text_.size()),
                      static_cast<std::uint32_t>(bytes.size())};
    text_.append(bytes);
    return piece;
  }

  // Where the index has the name, or would. Linear probing; it is a power of two and at most half
  // full.
  [[nodiscard]] std::size_t slot_of(std::string_view name, std::uint32_t hash) const noexcept {
    const std::size_t mask = index_.size() - 1;
    for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
      const std::uint32_t place = index_[i];
      if (place == k_free) return i;
      const Entry& entry = entries_[place];
      if (entry.hash == hash && at(entry.name) == name) return i;
    }
  }
  void rehash(std::size_t wanted) {
    std::size_t size = 16;
    while (size < wanted)
      size *= 2;
    index_.assign(size, k_free);
    for (std::size_t place = 0; place < entries_.size(); ++place) {
      std::size_t i = entries_[place].hash & (size - 1);
      while (index_[i] != k_free)
        i = (i + 1) & (size - 1);
      index_[i] = static_cast<std::uint32_t>(place);
    }
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> index_;
  std::string text_;
};

/// A block of bytes that keeps its size. Not thread-safe.
class ScratchBlock {
 public:
  /// Makes it at least so large; what it held is void.
  void reserve(std::size_t bytes) {
    if (bytes <= size_) return;
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
    size_ = bytes;
  }
  [[nodiscard]] std::byte* data() noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t footprint_bytes() const noexcept { return size_; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

/// Memory for std::pmr containers of one request, out of pooled blocks: taken by moving a pointer,
/// given back all at once. What does not fit a block makes one larger, which the pool drops if it
/// is above max_object_bytes. The containers must be gone before it. Not thread-safe.
class LeasedMemory final : public std::pmr::memory_resource {
 public:
  explicit LeasedMemory(Pool<ScratchBlock>& blocks) noexcept : blocks_(&blocks) {}
  LeasedMemory(const LeasedMemory&) = delete;
  LeasedMemory& operator=(const LeasedMemory&) = delete;
  ~LeasedMemory() override = default;

  /// Gives all blocks but the first back, and begins anew in that.
  void release() noexcept {
    more_.clear();
    for (std::size_t i = 1; i < count_; ++i)
      first_[i].reset();
    count_ = std::min<std::size_t>(count_, 1);
    if (count_ != 0) begin(*first_[0]);
  }
  [[nodiscard]] std::size_t blocks() const noexcept { return count_ + more_.size(); }

 private:
  static constexpr std::size_t k_first_blocks = 8;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* place = next_;
    if (std::align(alignment, bytes, place, left_) == nullptr) {
      Lease<ScratchBlock> block = blocks_->lease();
      block->reserve(bytes + alignment);
      if (count_ < k_first_blocks) {
        first_[count_++] = std::move(block);
        begin(*first_[count_ - 1]);
      } else {
        more_.push_back(std::move(block));
        begin(*more_.back());
      }
      place = next_;
      std::align(alignment, bytes, place, left_);
    }
    next_ = static_cast<std::byte*>(place) + bytes;
    left_ -= bytes;
    return place;
  }
  void do_deallocate(void* place, std::size_t bytes, std::size_t /*alignment*/) override {
    if (static_cast<std::byte*>(place) + bytes != next_) return;
    next_ = static_cast<std::byte*>(place);  // the last one: its bytes can be the next one's
    left_ += bytes;
  }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
  void begin(ScratchBlock& block) noexcept {
    next_ = block.data();
    left_ = block.size();
  }

  Pool<ScratchBlock>* blocks_;
  std::array<Lease<ScratchBlock>, k_first_blocks> first_;
  std::vector<Lease<ScratchBlock>> more_;
  std::size_t count_ = 0;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace ullage
