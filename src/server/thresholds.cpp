#include "server/thresholds.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ullage::server {

namespace {
constexpr std::int64_t k_minute_ms = 60'000;

double percent(std::uint64_t part, std::uint64_t whole) noexcept {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}
}  // namespace

void Thresholds::look_at(const Readings& readings) {
  const auto look_at_use = [&](std::string_view rule, double used, std::uint64_t limit) {
    look_at({.rule = rule,
             .group = {},
             .value = static_cast<std::uint64_t>(used),
             .limit = limit,
             .unit = "percent",
             .exact = used},
            readings.now_ms);
  };
  look_at_use("process_use", percent(readings.resident_bytes, readings.limit_bytes),
              limits_.process_use_percent);
  look_at_use("cache_use", percent(readings.cache_bytes, readings.cache_limit_bytes),
              limits_.cache_use_percent);
  look_at({.rule = "pause",
           .group = {},
           .value = readings.longest_round_ns / 1'000'000,
           .limit = limits_.pause_ms,
           .unit = "milliseconds"},
          readings.now_ms);
  if (!minute_began_ms_ || readings.now_ms - *minute_began_ms_ >= k_minute_ms) {
    if (minute_began_ms_) {
      look_at({.rule = "evictions",
               .group = {},
               .value = readings.evictions - evictions_then_,
               .limit = limits_.evictions_a_minute,
               .unit = "entries a minute"},
              readings.now_ms);
    }
    minute_began_ms_ = readings.now_ms;
    evictions_then_ = readings.evictions;
  }
}

void Thresholds::look_at(const observe::CensusResult& seen, std::int64_t now_ms) {
  for (const auto& group : seen.groups) {
    look_at({.rule = "group_fields",
             .group = group.name,
             .value = group.fields,
             .limit = limits_.group_fields,
             .unit = "fields",
             .exact = static_cast<double>(group.fields)},
            now_ms);
    look_at({.rule = "group_bytes",
             .group = group.name,
             .value = group.bytes,
             .limit = limits_.group_bytes,
             .unit = "bytes",
             .exact = static_cast<double>(group.bytes)},
            now_ms);
  }
}

Thresholds::Owner* Thresholds::owner_of(const Breach& reading, std::int64_t now_ms,
                                        bool may_be_new) {
  const std::pair key(std::string(reading.rule), std::string(reading.group));
  if (const auto found = owners_.find(key); found != owners_.end()) return &found->second;
  if (!may_be_new) return nullptr;
  if (owners_.size() == k_owners_max) {
    // Who was not seen for longest makes room, unless all were seen just now.
    const auto oldest =
        std::ranges::min_element(owners_, {}, [](const auto& one) { return one.second.seen_ms; });
    if (oldest->second.seen_ms == now_ms) return nullptr;
    owners_.erase(oldest);
  }
  return &owners_[key];
}

void Thresholds::look_at(const Breach& reading, std::int64_t now_ms) {
  if (reading.limit == 0) return;  // switched off
  // How fast it grows is known once it was seen for a while: from half the threshold on it is
  // followed.
  const bool is_followed = reading.value >= reading.limit / 2;
  Owner* const owner = owner_of(reading, now_ms, is_followed);
  if (owner == nullptr) return;
  if (!is_followed) {
    owner->then.reset();
    owner->later.reset();
    return;
  }
  owner->seen_ms = now_ms;
  if (reading.exact) {
    const Owner::Value value{.at_ms = now_ms, .value = *reading.exact};
    if (!owner->then) owner->then = value;
    if (!owner->later) owner->later = value;
    if (now_ms - owner->later->at_ms >= k_minute_ms) {
      owner->then = std::exchange(owner->later, value);
    }
  }
  if (reading.value < reading.limit) return;
  if (owner->told_ms && now_ms - *owner->told_ms < k_again_ms) {
    ++owner->left_out;
    return;
  }
  tell(reading, *owner, now_ms);
  owner->told_ms = now_ms;
  owner->left_out = 0;
}

void Thresholds::tell(const Breach& breach, const Owner& owner, std::int64_t now_ms) {
  std::vector<LogField> fields{{"event.kind", "alert"}, {"event.action", breach.rule}};
  if (!breach.group.empty()) fields.emplace_back("ullage.group", breach.group);
  fields.emplace_back("ullage.value", breach.value);
  fields.emplace_back("ullage.limit", breach.limit);
  fields.emplace_back("ullage.unit", breach.unit);
  // Over less than this what it grows by is chance.
  constexpr std::int64_t k_least_ms = 10'000;
  if (breach.exact && owner.then && now_ms - owner.then->at_ms >= k_least_ms) {
    const double more = *breach.exact - owner.then->value;
    const auto passed_ms = static_cast<double>(now_ms - owner.then->at_ms);
    fields.push_back(
        LogField::number("ullage.slope_per_minute", std::llround(more * k_minute_ms / passed_ms)));
  }
  fields.emplace_back("ullage.left_out", owner.left_out);
  log_.warning("over a threshold", fields);
}

}  // namespace ullage::server
