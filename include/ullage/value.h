// A value read from the cache: its own copy, valid for as long as it lives.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ullage {

/// Owns the bytes of one value. Up to k_inline_bytes they lie inside the object, so that reading a
/// small value allocates nothing; a larger one takes one heap allocation. A Value pins nothing in
/// the cache: it stays valid after erase(), eviction and the cache's end.
class Value {
 public:
  static constexpr std::size_t k_inline_bytes = 64;

  Value() noexcept {}  // NOLINT(modernize-use-equals-default): leaves the inline bytes unwritten
  explicit Value(std::string_view bytes) { assign(bytes); }

  Value(const Value& other) { assign(other.view()); }
  Value(Value&& other) noexcept { take(other); }
  Value& operator=(const Value& other) {
    if (this != &other) assign(other.view());
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  ~Value() = default;

  [[nodiscard]] const char* data() const noexcept { return heap_ ? heap_.get() : inline_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::string_view view() const noexcept { return {data(), size_}; }
  operator std::string_view() const& noexcept {
    return view();
  }  // NOLINT(google-explicit-constructor)
  operator std::string_view() const&& = delete;  ///< a view into a temporary would dangle
  [[nodiscard]] std::string str() const { return std::string(view()); }

  friend bool operator==(const Value& a, std::string_view b) noexcept { return a.view() == b; }
  friend bool operator==(const Value& a, const Value& b) noexcept { return a.view() == b.view(); }

  /// Makes room for `size` bytes whose content is unspecified, and returns them. Allocates only
  /// above k_inline_bytes.
  char* resize_for_overwrite(std::size_t size) {
    if (size <= k_inline_bytes) {
      heap_.reset();
    } else if (!heap_ || size > size_) {
      heap_.reset(new char[size]);
    }
    size_ = size;
    return heap_ ? heap_.get() : inline_;
  }

 private:
  void assign(std::string_view bytes) {
    char* to = resize_for_overwrite(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  }
  void take(Value& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    heap_ = std::move(other.heap_);
    if (!heap_ && size_ != 0) std::memcpy(inline_, other.inline_, size_);
  }

  std::size_t size_ = 0;
  std::unique_ptr<char[]> heap_;
  char inline_[k_inline_bytes];
};

}  // namespace ullage
