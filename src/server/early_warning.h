// Who grows, and when that will be too much: before it is.
//
// Followed are the process outside of the cache, and who allocates there; the cache, and what the
// walk over it finds largest: classes, prefixes of group names, and groups. Each is a Trend; one is
// looked at after the other, a few each second, so that a probe never waits for it.
#pragma once

#include <ullage/observe/census.h>
#include <ullage/observe/heap_owners.h>
#include <ullage/observe/trend.h>

#include "command/byte_budget.h"
#include "server/log.h"
#include "server/thresholds.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::server {

/// On one thread alone.
class EarlyWarning {
 public:
  /// All are looked at within this.
  static constexpr std::int64_t k_round_ms = 30'000;
  static constexpr std::size_t k_owners_max = 256;
  static constexpr std::size_t k_owners_least = 8;
  /// A line about an owner comes once in a while.
  static constexpr std::int64_t k_again_ms = 3'600'000;
  /// What takes less than this share of the limit is nobody's concern.
  static constexpr std::size_t k_share_that_matters = 100;

  enum class Kind : std::uint8_t { process, cache, class_, prefix, group, stack };
  static constexpr std::size_t k_kinds = 6;
  struct Finding {
    Kind kind = Kind::process;
    std::string name{};  ///< of the group, the prefix or the class
    std::uint64_t bytes = 0;
    std::uint64_t limit_bytes = 0;
    std::uint64_t fields = 0;          ///< of a group, or of all with a prefix; at least
    std::uint64_t endless_fields = 0;  ///< of them, those that no TTL ends
    observe::TrendReport trend{};
  };

  /// What it holds is taken from `held`, for good.
  EarlyWarning(Log& log, command::ByteBudget& held);
  ~EarlyWarning();

  /// Once a second, with what the last walk has seen, and who holds the memory outside of the
  /// cache.
  void look_at(const Readings& readings, const observe::CensusResult& seen,
               std::span<const observe::HeapOwner> heap = {});

  /// Those that grow, and will be at their limit soonest first. Who was not seen when all were
  /// looked at last is not among them: it is gone, or too small to be told of. One may be part of
  /// another.
  [[nodiscard]] std::vector<Finding> findings() const;
  [[nodiscard]] std::size_t owners() const noexcept { return owners_.size(); }
  [[nodiscard]] std::size_t owners(Kind kind) const noexcept;
  [[nodiscard]] std::size_t owners_max() const noexcept { return owners_max_; }

 private:
  struct Name {
    Kind kind;
    std::string text;
    auto operator<=>(const Name&) const = default;
  };
  struct Owner {
    observe::Trend trend;
    std::uint64_t bytes = 0;
    std::int64_t seen_ms = 0;
    std::int64_t looked_ms = 0;
    std::int64_t told_ms = 0;
    int leaks_in_a_row = 0;
    Finding finding{};
  };
  /// Null: there is no room for another.
  Owner* note(Kind kind, std::string_view name, std::uint64_t bytes, std::int64_t now_ms);
  void note(Kind kind, const observe::CensusResult::Group& group, std::int64_t now_ms);
  void forget_idle(std::int64_t now_ms);
  void look_at_some(const Readings& readings);
  void look_at(const Name& name, Owner& owner, const Readings& readings);
  void tell(const Finding& finding);

  Log& log_;
  command::TakenBytes held_;
  std::size_t owners_max_ = 0;
  std::map<Name, std::unique_ptr<Owner>> owners_;
  Name next_{};  // to be looked at
  /// How fast the whole cache grows, in shares of it a second; none: that is not known yet.
  std::optional<double> cache_pace_;
  std::int64_t sampled_ms_ = 0;
};

/// "process", "cache", "class", "prefix", "group", "stack".
[[nodiscard]] std::string_view to_string(EarlyWarning::Kind kind) noexcept;

}  // namespace ullage::server
