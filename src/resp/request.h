// Requests as they lie in the bytes that were received.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::resp {

/// Where one argument lies, from its request's base.
struct Slice {
  std::uint32_t at = 0;
  std::uint32_t bytes = 0;
};

/// The arguments of one request, the command's name first. A view: valid as long as the bytes and
/// the batch that it came from.
class Args {
 public:
  Args() noexcept = default;
  Args(const char* base, const Slice* slices, std::size_t count) noexcept
      : base_(base), slices_(slices), count_(count) {}

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /// REQUIRES: i < size().
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept {
    return {base_ + slices_[i].at, slices_[i].bytes};
  }
  /// All from the i-th on; REQUIRES: i <= size().
  [[nodiscard]] Args from(std::size_t i) const noexcept { return {base_, slices_ + i, count_ - i}; }

 private:
  const char* base_ = nullptr;
  const Slice* slices_ = nullptr;
  std::size_t count_ = 0;
};

/// A request that owns its bytes: one that has to wait.
class OwnedRequest {
 public:
  explicit OwnedRequest(Args args) {
    slices_.reserve(args.size());
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < args.size(); ++i)
      bytes += args[i].size();
    bytes_.reserve(bytes);
    for (std::size_t i = 0; i < args.size(); ++i) {
      slices_.push_back(
          {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(args[i].size())});
      bytes_.append(args[i]);
    }
  }
  [[nodiscard]] Args args() const noexcept {
    return {bytes_.data(), slices_.data(), slices_.size()};
  }
  /// Heap bytes that it holds.
  [[nodiscard]] std::size_t held_bytes() const noexcept {
    return bytes_.capacity() + slices_.capacity() * sizeof(Slice);
  }

 private:
  std::string bytes_;
  std::vector<Slice> slices_;
};

/// Requests parsed ahead. Reused from one batch to the next, so that in a steady state parsing
/// allocates nothing.
class RequestBatch {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// Of all requests.
  [[nodiscard]] std::size_t args() const noexcept { return slices_.size(); }
  [[nodiscard]] Args operator[](std::size_t i) const noexcept {
    const Entry& entry = entries_[i];
    return {entry.base, slices_.data() + entry.first, entry.count};
  }
  void clear() noexcept {
    entries_.clear();
    slices_.clear();
    // One request may have had as many as all usual ones have not.
    if (slices_.capacity() > k_kept_slices) std::vector<Slice>().swap(slices_);
    lines_.clear();
  }

 private:
  friend class RequestParser;
  static constexpr std::size_t k_kept_slices = 16 * 1024;
  struct Entry {
    const char* base = nullptr;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  std::vector<Entry> entries_;
  std::vector<Slice> slices_;
  std::vector<std::unique_ptr<std::string>> lines_;  // of inline requests, unquoted
};

}  // namespace ullage::resp
