#include <ullage/observe/profile_change.h>

#include "observe/profile.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ullage::observe {

namespace {
using Limits = std::numeric_limits<std::int64_t>;

// Of strangers' profiles as well: at the ends of the range they stay there.
std::int64_t plus(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? Limits::min() : Limits::max();
}
std::int64_t minus(std::int64_t value) noexcept {
  return value == Limits::min() ? Limits::max() : -value;
}
}  // namespace

Result<ParsedProfile> difference(ParsedProfile now, const ParsedProfile& before) {
  const auto is_same = [](const auto& a, const auto& b) { return a.type == b.type; };
  if (!std::ranges::equal(now.types, before.types, is_same))
    return Error{Errc::invalid_argument, "the two profiles are of different kinds"};

  using Frames = std::vector<std::uint32_t>;
  using Values = std::vector<std::int64_t>;
  std::map<Frames, Values> sums;
  const auto add = [&](Frames frames, const Values& values, bool is_taken) {
    Values& sum = sums[std::move(frames)];
    sum.resize(now.types.size());
    for (std::size_t i = 0; i < std::min(sum.size(), values.size()); ++i)
      sum[i] = plus(sum[i], is_taken ? minus(values[i]) : values[i]);
  };

  // Names may be told twice; stacks are the same where their names are.
  std::unordered_map<std::string, std::uint32_t> numbers;
  std::vector<std::string> functions;
  const auto renumbered = [&](const Frames& frames, const std::vector<std::string>& names) {
    Frames own;
    for (const std::uint32_t frame : frames) {
      const auto [found, is_new] =
          numbers.emplace(names[frame], static_cast<std::uint32_t>(functions.size()));
      if (is_new) functions.push_back(names[frame]);
      own.push_back(found->second);
    }
    return own;
  };
  for (const auto& sample : now.samples)
    add(renumbered(sample.frames, now.functions), sample.values, false);
  for (const auto& sample : before.samples)
    add(renumbered(sample.frames, before.functions), sample.values, true);

  now.functions = std::move(functions);
  now.samples.clear();
  for (auto& [frames, values] : sums) {
    if (std::ranges::any_of(values, [](std::int64_t value) { return value != 0; }))
      now.samples.push_back({.frames = frames, .values = std::move(values)});
  }
  if (before.time_ns != 0 && now.time_ns > before.time_ns)
    now.duration_ns = now.time_ns - before.time_ns;
  return now;
}

std::string encode_gzipped(const ParsedProfile& profile) {
  std::vector<Profile::ValueType> types;
  for (const auto& type : profile.types)
    types.push_back({type.type, type.unit});
  Profile made(types);
  made.set_time(profile.time_ns, profile.duration_ns);
  if (profile.default_type < profile.types.size())
    made.set_default_type(profile.types[profile.default_type].type);
  for (const std::string& comment : profile.comments)
    made.add_comment(comment);
  std::vector<Profile::LocationId> frames;
  for (const auto& sample : profile.samples) {
    frames.clear();
    for (const std::uint32_t frame : sample.frames)
      frames.push_back(made.name(profile.functions[frame]));
    made.add_sample(frames, sample.values);
  }
  return made.encode_gzipped();
}

}  // namespace ullage::observe
