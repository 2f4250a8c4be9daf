#include "server/thresholds.h"

#include <algorithm>

namespace ullage::server {

namespace {
constexpr std::int64_t k_minute_ms = 60'000;

std::uint64_t percent(std::uint64_t part, std::uint64_t whole) noexcept {
  return whole == 0 ? 0 : part / std::max<std::uint64_t>(whole / 100, 1);
}
}  // namespace

void Thresholds::look_at(const Readings& readings) {
  look_at({.rule = "process_use",
           .group = {},
           .value = percent(readings.resident_bytes, readings.limit_bytes),
           .limit = limits_.process_use_percent,
           .unit = "percent"},
          readings.now_ms);
  look_at({.rule = "cache_use",
           .group = {},
           .value = percent(readings.cache_bytes, readings.cache_limit_bytes),
           .limit = limits_.cache_use_percent,
           .unit = "percent"},
          readings.now_ms);
  look_at({.rule = "pause",
           .group = {},
           .value = readings.longest_round_ns / 1'000'000,
           .limit = limits_.pause_ms,
           .unit = "milliseconds"},
          readings.now_ms);
  if (!before_ || readings.now_ms - minute_began_ms_ >= k_minute_ms) {
    if (before_) {
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
  before_ = readings;
}

void Thresholds::look_at(const observe::CensusResult& seen, std::int64_t now_ms) {
  for (const auto& group : seen.groups) {
    look_at({.rule = "group_fields",
             .group = group.name,
             .value = group.fields,
             .limit = limits_.group_fields,
             .unit = "fields"},
            now_ms);
    look_at({.rule = "group_bytes",
             .group = group.name,
             .value = group.bytes,
             .limit = limits_.group_bytes,
             .unit = "bytes"},
            now_ms);
  }
}

Thresholds::Owner* Thresholds::owner_of(const Breach& reading, std::int64_t now_ms) {
  const std::pair key(std::string(reading.rule), std::string(reading.group));
  if (const auto found = owners_.find(key); found != owners_.end()) return &found->second;
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
  // How fast it grows is known once it was seen twice: from half the threshold on it is followed.
  if (reading.value < reading.limit / 2) return;
  Owner* const owner = owner_of(reading, now_ms);
  if (owner == nullptr) return;
  const std::int64_t passed_ms = now_ms - owner->seen_ms;
  if (owner->seen_ms != 0 && passed_ms > 0) {
    const auto more =
        static_cast<std::int64_t>(reading.value) - static_cast<std::int64_t>(owner->value);
    owner->slope_a_minute = more * k_minute_ms / passed_ms;
  }
  owner->seen_ms = now_ms;
  owner->value = reading.value;
  if (reading.value < reading.limit) return;
  if (owner->told_ms && now_ms - *owner->told_ms < k_again_ms) {
    ++owner->left_out;
    return;
  }
  tell(reading, *owner);
  owner->told_ms = now_ms;
  owner->left_out = 0;
}

void Thresholds::tell(const Breach& breach, const Owner& owner) {
  const std::int64_t slope = owner.slope_a_minute.value_or(0);
  if (breach.group.empty()) {
    log_.warning("over a threshold", {{"event.kind", "alert"},
                                      {"event.action", breach.rule},
                                      {"ullage.value", breach.value},
                                      {"ullage.limit", breach.limit},
                                      {"ullage.unit", breach.unit},
                                      LogField::number("ullage.slope_per_minute", slope),
                                      {"ullage.left_out", owner.left_out}});
    return;
  }
  log_.warning("over a threshold", {{"event.kind", "alert"},
                                    {"event.action", breach.rule},
                                    {"ullage.group", breach.group},
                                    {"ullage.value", breach.value},
                                    {"ullage.limit", breach.limit},
                                    {"ullage.unit", breach.unit},
                                    LogField::number("ullage.slope_per_minute", slope),
                                    {"ullage.left_out", owner.left_out}});
}

}  // namespace ullage::server
