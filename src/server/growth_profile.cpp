#include "server/growth_profile.h"

#include <ullage/observe/census.h>
#include <ullage/observe/parsed_profile.h>
#include <ullage/observe/profile_change.h>

#include "server/data_profile_options.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace ullage::server {

namespace {
using Part = GrowthProfile::Part;

/// Frames of a data profile, the leaf first: role, field, group, class, cache; what belongs to no
/// field, or no group, has fewer.
std::vector<Part> parts_of(const observe::ParsedProfile& change, std::size_t type) {
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>, std::int64_t> sums;
  for (const auto& sample : change.samples) {
    const auto name = [&](std::size_t from_root) -> std::string_view {
      const std::size_t all = sample.frames.size();
      // The leaf is a role.
      return from_root + 1 < all ? change.functions[sample.frames[all - 1 - from_root]]
                                 : std::string_view();
    };
    sums[{name(1), name(2), name(3)}] += sample.values[type];
  }
  std::vector<Part> parts;
  for (const auto& [names, bytes] : sums) {
    const auto& [class_pattern, group, field] = names;
    if (bytes <= 0 || group.empty()) continue;
    parts.push_back({.class_pattern = std::string(class_pattern),
                     .group = std::string(group),
                     .field = std::string(field),
                     .bytes = bytes});
  }
  std::ranges::sort(parts, std::greater<>{}, &Part::bytes);
  if (parts.size() > GrowthProfile::k_parts_max) parts.resize(GrowthProfile::k_parts_max);
  return parts;
}
}  // namespace

void GrowthProfile::look_at(std::span<const EarlyWarning::Finding> findings) {
  using Kind = EarlyWarning::Kind;
  const bool grows = std::ranges::any_of(findings, [](const EarlyWarning::Finding& one) {
    return one.kind == Kind::class_ || one.kind == Kind::prefix || one.kind == Kind::group;
  });
  const std::int64_t now_ms = clock_.running_ms();
  if (grows) {
    if (!grew_ms_) next_ms_ = now_ms;
    grew_ms_ = now_ms;
  } else if (grew_ms_ && now_ms - *grew_ms_ >= k_forget_ms) {
    forget();
  }
}

std::int64_t GrowthProfile::wait_ms() const noexcept {
  if (!grew_ms_) return k_between_ms;  // until somebody tells it otherwise
  return std::max<std::int64_t>(next_ms_ - clock_.running_ms(), 0);
}

void GrowthProfile::step() {
  const std::int64_t now_ms = clock_.running_ms();
  if (!grew_ms_ || now_ms < next_ms_) return;
  if (!profiler_) return begin(now_ms);
  if (slabs_left_ == 0) slabs_left_ = k_slabs_a_tick;
  const auto done = profiler_->step(1);
  if (--slabs_left_ == 0) next_ms_ = now_ms + k_tick_ms;
  if (done && !*done) return;
  observe::DataProfile made = profiler_->finish();
  profiler_.reset();
  next_ms_ = now_ms + k_between_ms;
  slabs_left_ = 0;
  keep(std::move(made));
  taken_.reset();
}

void GrowthProfile::begin(std::int64_t now_ms) {
  taken_.emplace(budget_);
  auto options = data_profile_options(clock_, budget_, *taken_, k_patterns_max);
  if (!options) {
    taken_.reset();
    next_ms_ = now_ms + k_between_ms;
    problem_ = "there was no memory for a profile of what grows: clients hold what there is";
    return;
  }
  problem_.reset();
  profiler_.emplace(cache_, std::move(*options));
}

void GrowthProfile::keep(observe::DataProfile made) {
  if (base_.empty()) {
    if (!held_.take(made.gzipped.size())) {
      problem_ = "there was no memory to keep a profile: clients hold what there is";
      return;
    }
    base_ = std::move(made.gzipped);
    base_unix_ms_ = clock_.now_ms();
    return;
  }
  auto before = observe::parse_profile(base_);
  auto now = observe::parse_profile(made.gzipped);
  if (!before || !now) return;  // both are our own
  auto changed = observe::difference(std::move(*now), *before);
  if (!changed) return;
  Change change{.since_unix_ms = base_unix_ms_,
                .took_ms = clock_.now_ms() - base_unix_ms_,
                .gzipped = observe::encode_gzipped(*changed),
                .parts = server::parts_of(*changed, changed->default_type)};
  held_.keep(base_.size());
  if (!held_.take(change.gzipped.size() + k_parts_max * sizeof(Part))) {
    change_.reset();
    problem_ = "there was no memory to keep a profile: clients hold what there is";
    return;
  }
  const bool is_first = !change_;
  change_ = std::move(change);
  if (!is_first || change_->parts.empty()) return;
  const Part& most = change_->parts.front();
  log_.info("what grows", {{"event.action", "growth_profile"},
                           {"ullage.group_pattern", std::string_view(most.group)},
                           {"ullage.field_pattern", std::string_view(most.field)},
                           LogField::number("ullage.value", most.bytes),
                           {"ullage.unit", "bytes"},
                           LogField::number("ullage.duration_ms", change_->took_ms)});
}

void GrowthProfile::forget() {
  grew_ms_.reset();
  profiler_.reset();
  taken_.reset();
  base_.clear();
  change_.reset();
  problem_.reset();
  slabs_left_ = 0;
  held_.clear();
}

std::string GrowthProfile::problem() const {
  if (problem_) return *problem_;
  if (!grew_ms_) return "nobody in the cache grows without an end: there is nothing to compare";
  return "it is not known yet what has come: the second profile is made " +
         std::to_string(k_between_ms / 60'000) + " minutes after the first";
}

std::vector<Part> GrowthProfile::parts_of(const EarlyWarning::Finding& owner,
                                          std::span<const Part> parts) {
  using Kind = EarlyWarning::Kind;
  std::vector<Part> own;
  for (const Part& part : parts) {
    const bool is_own =
        owner.kind == Kind::cache ||
        (owner.kind == Kind::class_ && part.class_pattern == owner.name) ||
        (owner.kind == Kind::prefix && observe::prefix_of(part.group) == owner.name) ||
        (owner.kind == Kind::group &&
         (part.group == owner.name ||
          observe::prefix_of(part.group) == observe::prefix_of(owner.name)));
    if (is_own) own.push_back(part);
  }
  return own;
}

}  // namespace ullage::server
