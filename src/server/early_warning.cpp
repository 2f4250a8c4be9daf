#include "server/early_warning.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

namespace ullage::server {

using observe::Trend;
using observe::TrendReport;
using observe::Verdict;

std::string_view to_string(EarlyWarning::Kind kind) noexcept {
  constexpr std::array<std::string_view, EarlyWarning::k_kinds> k_names{
      "process", "cache", "class", "prefix", "group", "stack"};
  return k_names[static_cast<std::size_t>(kind)];
}

EarlyWarning::EarlyWarning(Log& log, command::ByteBudget& held) : log_(log), held_(held) {
  // An eighth of what clients may hold; each has a name besides.
  constexpr std::size_t k_share = 8;
  constexpr std::size_t k_owner_bytes = sizeof(Owner) + 512;
  owners_max_ =
      std::clamp(held.limit_bytes() / k_share / k_owner_bytes, k_owners_least, k_owners_max);
  static_cast<void>(held_.take(owners_max_ * k_owner_bytes));
}
EarlyWarning::~EarlyWarning() = default;

void EarlyWarning::look_at(const Readings& readings, const observe::CensusResult& seen,
                           std::span<const observe::HeapOwner> heap) {
  const std::int64_t now_ms = readings.now_ms;
  if (sampled_ms_ == 0 || now_ms - sampled_ms_ >= Trend::k_sample_ms) {
    sampled_ms_ = now_ms;
    note(Kind::process, "",
         readings.resident_bytes - std::min(readings.resident_bytes, readings.cache_bytes), now_ms);
    note(Kind::cache, "", readings.cache_bytes, now_ms);
    const std::size_t stacks = std::min(heap.size(), (owners_max_ - 2) / 8);
    for (const observe::HeapOwner& owner : heap.first(stacks))
      note(Kind::stack, owner.name, owner.live_bytes, now_ms);
    std::size_t classes = 0;
    for (const auto& [pattern, one] : seen.classes) {
      if (pattern.empty() || classes == (owners_max_ - 2) / 3) continue;
      ++classes;
      note(Kind::class_, pattern, one.bytes, now_ms);
    }
    // Of the rest half are prefixes, and the other half groups; the largest of each.
    const std::size_t places = (owners_max_ - 2 - stacks - classes) / 2;
    for (std::size_t i = 0; i < std::min(places, seen.prefixes.size()); ++i) {
      // A class of all that begins so is told of as that.
      if (classes != 0 && seen.classes.contains(seen.prefixes[i].name + "*")) continue;
      note(Kind::prefix, seen.prefixes[i], now_ms);
    }
    for (std::size_t i = 0; i < std::min(places, seen.groups.size()); ++i)
      note(Kind::group, seen.groups[i], now_ms);
    for (auto& [name, owner] : owners_) {
      if (owner->seen_ms != now_ms) owner->leaks_in_a_row = 0;
    }
  }
  look_at_some(readings);
}

void EarlyWarning::note(Kind kind, const observe::CensusResult::Group& group, std::int64_t now_ms) {
  Owner* const owner = note(kind, group.name, group.bytes, now_ms);
  if (owner == nullptr) return;
  owner->finding.fields = group.fields;
  owner->finding.endless_fields = group.endless_fields;
}

EarlyWarning::Owner* EarlyWarning::note(Kind kind, std::string_view name, std::uint64_t bytes,
                                        std::int64_t now_ms) {
  Name key{kind, std::string(name)};
  auto found = owners_.find(key);
  if (found == owners_.end()) {
    if (owners_.size() == owners_max_) forget_idle(now_ms);
    if (owners_.size() == owners_max_) return nullptr;
    found = owners_.emplace(std::move(key), std::make_unique<Owner>()).first;
  }
  Owner& owner = *found->second;
  owner.trend.add(now_ms, static_cast<double>(bytes));
  owner.bytes = bytes;
  owner.seen_ms = now_ms;
  return &owner;
}

// Who has not been among the largest for longest makes room.
void EarlyWarning::forget_idle(std::int64_t now_ms) {
  const auto idlest =
      std::ranges::min_element(owners_, {}, [](const auto& one) { return one.second->seen_ms; });
  if (idlest->second->seen_ms != now_ms) owners_.erase(idlest);
}

void EarlyWarning::look_at_some(const Readings& readings) {
  constexpr std::size_t k_calls_a_round = k_round_ms / 1000;
  const std::size_t some = (owners_.size() + k_calls_a_round - 1) / k_calls_a_round;
  for (std::size_t i = 0; i < some; ++i) {
    auto at = owners_.lower_bound(next_);
    if (at == owners_.end()) at = owners_.begin();
    Owner& owner = *at->second;
    const Name& name = at->first;
    const auto behind = std::next(at);
    next_ = behind == owners_.end() ? Name{} : behind->first;
    if (owner.seen_ms != sampled_ms_ || readings.now_ms - owner.looked_ms < k_round_ms / 2)
      continue;
    owner.looked_ms = readings.now_ms;
    look_at(name, owner, readings);
  }
}

void EarlyWarning::look_at(const Name& name, Owner& owner, const Readings& readings) {
  Finding& finding = owner.finding;
  finding.kind = name.kind;
  finding.name = name.text;
  finding.bytes = owner.bytes;
  // Until it alone has filled what is free now; a cache that is full takes from others.
  const std::uint64_t free_bytes =
      readings.cache_limit_bytes - std::min(readings.cache_limit_bytes, readings.cache_bytes);
  const std::uint64_t outside_bytes =
      readings.limit_bytes - std::min(readings.limit_bytes, readings.cache_limit_bytes);
  const std::uint64_t outside_now =
      readings.resident_bytes - std::min(readings.resident_bytes, readings.cache_bytes);
  switch (name.kind) {
    case Kind::process:
      finding.limit_bytes = outside_bytes;
      break;
    case Kind::stack:
      finding.limit_bytes = owner.bytes + outside_bytes - std::min(outside_bytes, outside_now);
      break;
    case Kind::cache:
      finding.limit_bytes = readings.cache_limit_bytes;
      break;
    case Kind::class_:
    case Kind::prefix:
    case Kind::group:
      finding.limit_bytes = owner.bytes + free_bytes;
      break;
  }
  finding.trend = owner.trend.report(static_cast<double>(finding.limit_bytes));
  // A cache that fills its part of the limit does what it is there for, and so does everybody in it
  // who grows no faster than the whole.
  const double pace = finding.trend.slope_per_s / std::max(static_cast<double>(owner.bytes), 1.0);
  if (name.kind == Kind::cache && finding.trend.verdict != Verdict::unknown)
    cache_pace_ = std::max(pace, 0.0);
  constexpr double k_faster = 1.5;
  const bool is_outside = name.kind == Kind::process || name.kind == Kind::stack;
  const bool is_ahead = is_outside || (cache_pace_ && pace > k_faster * *cache_pace_);
  const bool is_leak =
      finding.trend.verdict == Verdict::leak && name.kind != Kind::cache && is_ahead;
  const std::uint64_t whole = is_outside ? outside_bytes : readings.cache_limit_bytes;
  const bool matters = owner.bytes >= whole / k_share_that_matters;
  owner.leaks_in_a_row = is_leak && matters ? owner.leaks_in_a_row + 1 : 0;
  if (owner.leaks_in_a_row == 0) return;
  if (owner.told_ms != 0 && readings.now_ms - owner.told_ms < k_again_ms) return;
  owner.told_ms = readings.now_ms;
  tell(finding);
}

void EarlyWarning::tell(const Finding& finding) {
  const auto rounded = [](double value) {
    constexpr double k_most = 1e15;
    return static_cast<std::int64_t>(std::llround(std::clamp(value, -k_most, k_most)));
  };
  constexpr double k_minute_s = 60;
  std::vector<LogField> fields{{"event.kind", "alert"},
                               {"event.action", "grows"},
                               {"ullage.owner", to_string(finding.kind)}};
  if (!finding.name.empty()) {
    fields.emplace_back(finding.kind == Kind::group    ? "ullage.group"
                        : finding.kind == Kind::class_ ? "ullage.class"
                        : finding.kind == Kind::stack  ? "ullage.stack"
                                                       : "ullage.prefix",
                        std::string_view(finding.name));
  }
  fields.emplace_back("ullage.value", finding.bytes);
  fields.emplace_back("ullage.limit", finding.limit_bytes);
  fields.emplace_back("ullage.unit", "bytes");
  fields.push_back(
      LogField::number("ullage.slope_per_minute", rounded(finding.trend.slope_per_s * k_minute_s)));
  if (finding.trend.at_limit) {
    fields.push_back(
        LogField::number("ullage.at_limit_in_s", rounded(finding.trend.at_limit->expected_s)));
    fields.push_back(LogField::number("ullage.at_limit_earliest_s",
                                      rounded(finding.trend.at_limit->earliest_s)));
    fields.push_back(
        LogField::number("ullage.at_limit_latest_s", rounded(finding.trend.at_limit->latest_s)));
  }
  log_.warning("grows without an end", fields);
}

std::size_t EarlyWarning::owners(Kind kind) const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(owners_, [&](const auto& one) { return one.first.kind == kind; }));
}

std::vector<EarlyWarning::Finding> EarlyWarning::findings() const {
  std::vector<Finding> all;
  for (const auto& [name, owner] : owners_) {
    if (owner->leaks_in_a_row != 0) all.push_back(owner->finding);
  }
  std::ranges::sort(all, {}, [](const Finding& one) {
    return std::tuple(one.trend.at_limit ? one.trend.at_limit->expected_s : 1e300, one.kind,
                      std::string_view(one.name));
  });
  return all;
}

}  // namespace ullage::server
