#include "server/growth_profile.h"

#include <ullage/observe/census.h>
#include <ullage/observe/parsed_profile.h>
#include <ullage/observe/profile_change.h>

#include "observe/patterns.h"
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
    tell(findings);
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
  if (!is_walking_) {
    is_walking_ = true;
    began_ms_ = now_ms;
    began_unix_ms_ = clock_.now_ms();
    if (is_finished_) profiler_->begin_next(began_unix_ms_ * 1'000'000);
    is_finished_ = false;
  }
  if (slabs_left_ == 0) slabs_left_ = k_slabs_a_tick;
  const auto done = profiler_->step(1);
  if (--slabs_left_ == 0) next_ms_ = now_ms + k_tick_ms;
  if (done && !*done) return;
  next_ms_ = now_ms + k_between_ms;
  slabs_left_ = 0;
  is_walking_ = false;
  if (!done) {
    // Half a walk would make growth of the other half.
    forget();
    problem_ = "the cache could not be looked at: " + done.error().message;
    return;
  }
  is_finished_ = true;
  keep(profiler_->finish());
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
  options->is_series = true;
  profiler_.emplace(cache_, std::move(*options));
}

void GrowthProfile::keep(observe::DataProfile made) {
  const auto no_memory = [this] {
    problem_ = "there was no memory to keep a profile: clients hold what there is";
  };
  if (base_.empty()) {
    if (!held_.take(made.gzipped.size())) return no_memory();
    base_ = std::move(made.gzipped);
    base_unix_ms_ = began_unix_ms_;
    base_began_ms_ = began_ms_;
    return;
  }
  auto before = observe::parse_profile(base_);
  auto now = observe::parse_profile(made.gzipped);
  if (!before || !now) return;  // both are our own
  auto changed = observe::difference(std::move(*now), *before);
  if (!changed) return;
  Change change{.since_unix_ms = base_unix_ms_,
                .took_ms = began_ms_ - base_began_ms_,
                .gzipped = observe::encode_gzipped(*changed),
                .parts = server::parts_of(*changed, changed->default_type)};
  held_.keep(base_.size());
  if (!held_.take(change.gzipped.size() + k_parts_max * sizeof(Part))) {
    change_.reset();
    return no_memory();
  }
  problem_.reset();
  change_ = std::move(change);
}

void GrowthProfile::tell(std::span<const EarlyWarning::Finding> findings) {
  if (!change_ || is_told_) return;
  for (const EarlyWarning::Finding& one : findings) {
    const std::vector<Part> parts = parts_of(one, change_->parts);
    if (parts.empty()) continue;
    is_told_ = true;
    log_.info("what grows", {{"event.action", "growth_profile"},
                             {"ullage.owner", to_string(one.kind)},
                             {"ullage.group_pattern", std::string_view(parts.front().group)},
                             {"ullage.field_pattern", std::string_view(parts.front().field)},
                             LogField::number("ullage.value", parts.front().bytes),
                             {"ullage.unit", "bytes"},
                             LogField::number("ullage.duration_ms", change_->took_ms)});
    return;
  }
}

void GrowthProfile::forget() {
  grew_ms_.reset();
  profiler_.reset();
  taken_.reset();
  base_.clear();
  base_.shrink_to_fit();
  change_.reset();
  is_told_ = false;
  is_walking_ = is_finished_ = false;
  problem_.reset();
  slabs_left_ = 0;
  held_.clear();
}

std::string GrowthProfile::problem() const {
  if (problem_) return *problem_;
  if (!grew_ms_) return "nobody in the cache grows without an end: there is nothing to compare";
  return "it is not known yet what has come: " +
         (base_.empty() ? std::string("the first profile is being made")
                        : "the second profile is made " + std::to_string(k_between_ms / 60'000) +
                              " minutes after the first");
}

std::vector<Part> GrowthProfile::parts_of(const EarlyWarning::Finding& owner,
                                          std::span<const Part> parts) {
  using Kind = EarlyWarning::Kind;
  std::vector<Part> own;
  const std::string pattern =
      owner.kind == Kind::group ? observe::collapsed(owner.name) : std::string();
  for (const Part& part : parts) {
    const bool is_own =
        owner.kind == Kind::cache ||
        (owner.kind == Kind::class_ && part.class_pattern == owner.name) ||
        (owner.kind == Kind::prefix && observe::prefix_of(part.group) == owner.name) ||
        (owner.kind == Kind::group && part.group == pattern);
    if (is_own) own.push_back(part);
  }
  return own;
}

}  // namespace ullage::server
