// How groups have grown since somebody last looked: UL.TOP GROWTH.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::command {

/// The largest groups at one moment, up to k_groups_max. What is not in it was no larger than its
/// smallest. Names are kept as hashes: 16 bytes a group, whatever it is called.
class GrowthSample {
 public:
  static constexpr std::size_t k_groups_max = 1000;
  static constexpr std::size_t k_bytes_max = k_groups_max * 16;

  /// None was taken.
  GrowthSample() = default;
  explicit GrowthSample(std::int64_t at_ms) noexcept : at_ms_(at_ms) {}

  void add(std::string_view group, std::uint64_t bytes);
  /// Nothing is added any more.
  void finish();
  /// By how much a group has grown since, at least; 0 if that is not known. REQUIRES: finished.
  [[nodiscard]] std::int64_t growth_of(std::string_view group, std::uint64_t bytes) const noexcept;
  [[nodiscard]] bool is_taken() const noexcept { return at_ms_ >= 0; }
  [[nodiscard]] std::int64_t at_ms() const noexcept { return at_ms_; }

 private:
  struct One {
    std::uint64_t hash = 0;
    std::uint64_t bytes = 0;
  };
  std::int64_t at_ms_ = -1;
  std::uint64_t floor_bytes_ = 0;  // what is not kept was no larger
  std::vector<One> ones_;          // a heap, the smallest in front; then by hash
};

/// The last sample of each user, who sees his own keys alone. Thread-safe.
class Growth {
 public:
  [[nodiscard]] GrowthSample last(const std::string& user) const {
    const std::lock_guard lock(mutex_);
    const auto at = samples_.find(user);
    return at == samples_.end() ? GrowthSample() : at->second;
  }
  void keep(const std::string& user, GrowthSample sample) {
    const std::lock_guard lock(mutex_);
    // Users come and go; who looks seldom begins anew.
    if (samples_.size() >= k_users_max && !samples_.contains(user)) samples_.clear();
    samples_[user] = std::move(sample);
  }

 private:
  static constexpr std::size_t k_users_max = 8;

  mutable std::mutex mutex_;
  std::map<std::string, GrowthSample> samples_;  // guarded by mutex_
};

}  // namespace ullage::command
