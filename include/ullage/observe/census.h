// Who owns a cache's bytes, all the time: a walk that goes on a few slabs at a time and begins
// anew, for metrics and logs that must cost next to nothing when they are asked for.
//
// What is told is what the last whole walk has seen: roles that add up to what was charged, the
// largest groups, and the largest prefixes of their names.
#pragma once

#include <ullage/cache.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::observe {

struct CensusOptions {
  /// How many groups are followed at a time. Any group with more than the cache's bytes divided by
  /// this is found.
  std::size_t groups_max = 256;
  /// The same for prefixes: what group names begin with, to the first of ":/|.", or what is left of
  /// them without their numbers.
  std::size_t prefixes_max = 640;
  /// What to show for the name of a group, where it is not the name itself; read before the next
  /// call.
  std::function<std::string_view(std::string_view)> group_name{};
};

/// Of one whole walk.
struct CensusResult {
  RoleBytes roles;          ///< they add up to `bytes`
  std::uint64_t bytes = 0;  ///< of the tables and all slabs, each when it was looked at
  std::uint64_t entries = 0;
  struct Group {
    std::string name;          ///< long ones are cut, and marked by a number that tells them apart
    std::uint64_t bytes = 0;   ///< at least
    std::uint64_t fields = 0;  ///< at least
    std::uint64_t endless_fields = 0;  ///< of them, those that no TTL and no idle TTL ends
    std::uint64_t unread_fields = 0;   ///< of them, those that nobody has read since it came
  };
  /// What values of about one size take.
  struct Size {
    std::uint64_t value_bytes = 0;  ///< the least that counts as this; the next is 1.14 to 1.25 x
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;  ///< with names and headers, and what their pages have left
    std::uint64_t slack = 0;  ///< that: it holds nothing
  };
  struct Class {
    std::uint64_t bytes = 0;  ///< they add up to those of the whole
    std::uint64_t entries = 0;
    std::uint64_t idle_ms = 0;  ///< of all entries together: how long they were not used, at least
    [[nodiscard]] double mean_idle_ms() const noexcept {
      return entries == 0 ? 0 : static_cast<double>(idle_ms) / static_cast<double>(entries);
    }
  };
  /// By its pattern; "" is what is in none, with what belongs to no group.
  std::map<std::string, Class, std::less<>> classes;
  std::vector<Group> groups;    ///< the largest first
  std::vector<Group> prefixes;  ///< likewise, of all groups that share one
  std::vector<Size> sizes;      ///< the smallest first, those that there are
  std::uint64_t walks = 0;      ///< that were finished so far; 0: this is none yet
};

/// "user:" for "user:42", "session<n>" for "session42".
[[nodiscard]] std::string prefix_of(std::string_view group);

/// Not thread-safe; the cache may be used meanwhile and must outlive it. Stops nobody.
class Census {
 public:
  explicit Census(Cache& cache, CensusOptions options = {});
  ~Census();
  Census(Census&&) noexcept;
  Census& operator=(Census&&) noexcept;

  /// What one holds, at most.
  [[nodiscard]] static std::size_t held_bytes(const CensusOptions& options) noexcept;

  /// Looks at up to `slabs` more slabs. Answers whether a walk was finished by that: the next call
  /// begins anew. Cost: about a microsecond an entry.
  bool step(std::uint64_t slabs);
  /// What the walk that is under way has looked at so far.
  [[nodiscard]] std::uint64_t seen_bytes() const noexcept;
  [[nodiscard]] const CensusResult& last() const noexcept { return last_; }

 private:
  class Walk;
  Cache* cache_;
  std::unique_ptr<Walk> walk_;
  CensusResult last_;
};

}  // namespace ullage::observe
