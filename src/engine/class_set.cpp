#include "engine/class_set.h"

#include <algorithm>
#include <string>

namespace ullage::engine {

namespace {

Error refused(std::string_view pattern, std::string_view why) {
  std::string text = "class \"";
  text.append(pattern).append("\": ").append(why);
  return {Errc::invalid_argument, text};
}

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

std::optional<Error> check_pattern(std::string_view pattern) {
  if (pattern.empty() || pattern.back() != '*')
    return refused(pattern, "a pattern is a prefix and a star, like session:*");
  if (prefix_of(pattern).find('*') != std::string_view::npos)
    return refused(pattern, "only the last character of a pattern may be a star");
  if (pattern.size() > k_class_pattern_max_bytes)
    return refused(pattern, "a pattern of " + number(pattern.size()) + " bytes is longer than " +
                                number(k_class_pattern_max_bytes));
  return std::nullopt;
}

std::optional<Error> check_millis(std::string_view pattern, std::string_view what, Millis ms) {
  if (ms.count() >= 0 && ms.count() <= k_ttl_max_ms) return std::nullopt;
  return Error{Errc::ttl_out_of_range, "class \"" + std::string(pattern) +
                                           "\": " + std::string(what) + " of " +
                                           std::to_string(ms.count()) + " ms is not within 0 and " +
                                           std::to_string(k_ttl_max_ms)};
}

std::optional<Error> check_limits(const ClassDefinition& one) {
  const ClassLimits& l = one.limits;
  const struct {
    std::string_view lower, upper;
    std::uint64_t low, high;
  } pairs[] = {{"min", "high", l.min, l.high},
               {"min", "max", l.min, l.max},
               {"low", "high", l.low, l.high},
               {"low", "max", l.low, l.max},
               {"high", "max", l.high, l.max}};
  for (const auto& pair : pairs) {
    if (pair.high != 0 && pair.low > pair.high)
      return refused(one.pattern, std::string(pair.lower) + " of " + number(pair.low) +
                                      " bytes is above its " + std::string(pair.upper) + " of " +
                                      number(pair.high));
  }
  if (l.max != 0 && l.max_bytes > l.max)
    return refused(one.pattern, "max_bytes of a group, " + number(l.max_bytes) +
                                    ", is above the class's max of " + number(l.max));
  if (l.weight > k_class_weight_max)
    return refused(one.pattern,
                   "weight of " + number(l.weight) + " is above " + number(k_class_weight_max));
  if (auto bad = check_millis(one.pattern, "idle_ttl", l.idle_ttl)) return bad;
  return check_millis(one.pattern, "ttl", l.ttl);
}

/// Where a class says nothing of its groups its parent does.
ClassLimits with_parent(ClassLimits own, const ClassLimits& parent) noexcept {
  if (own.max_fields == 0) own.max_fields = parent.max_fields;
  if (own.max_bytes == 0) own.max_bytes = parent.max_bytes;
  if (own.idle_ttl.count() == 0) own.idle_ttl = parent.idle_ttl;
  if (own.ttl.count() == 0) own.ttl = parent.ttl;
  return own;
}

}  // namespace

Result<ClassSet> checked_classes(std::span<const ClassDefinition> definitions,
                                 std::size_t memory_limit, std::uint64_t promised_bytes) {
  ClassSet set;
  set.all.reserve(definitions.size());
  for (const ClassDefinition& one : definitions) {
    if (auto bad = check_pattern(one.pattern)) return *bad;
    if (auto bad = check_limits(one)) return *bad;
    set.all.push_back({one, ClassSet::k_none, one.limits, 0});
  }
  std::sort(set.all.begin(), set.all.end(), [](const ClassSet::One& a, const ClassSet::One& b) {
    return prefix_of(a.definition.pattern) < prefix_of(b.definition.pattern);
  });
  // In this order a prefix comes before all that begin with it: those that enclose the next are a
  // stack.
  std::vector<std::size_t> enclosing;
  for (std::size_t i = 0; i < set.all.size(); ++i) {
    ClassSet::One& one = set.all[i];
    const std::string_view prefix = prefix_of(one.definition.pattern);
    while (!enclosing.empty() &&
           !prefix.starts_with(prefix_of(set.all[enclosing.back()].definition.pattern)))
      enclosing.pop_back();
    if (!enclosing.empty()) {
      one.parent = enclosing.back();
      const ClassSet::One& parent = set.all[one.parent];
      if (parent.definition.pattern == one.definition.pattern)
        return refused(one.definition.pattern, "it is defined twice");
      one.effective = with_parent(one.effective, parent.effective);
    }
    enclosing.push_back(i);
    if (enclosing.size() > k_class_depth_max)
      return refused(one.definition.pattern, "it lies within " + number(enclosing.size() - 1) +
                                                 " others; at most " +
                                                 number(k_class_depth_max - 1) + " are allowed");
  }
  // Children come after their parents: from the last on, each adds to what its parent must hold.
  std::vector<std::uint64_t> of_children(set.all.size(), 0);
  for (std::size_t i = set.all.size(); i-- > 0;) {
    ClassSet::One& one = set.all[i];
    const std::uint64_t max = one.definition.limits.max;
    if (max != 0 && of_children[i] > max)
      return refused(one.definition.pattern,
                     "the classes in it have a min of " + number(of_children[i]) +
                         " bytes together, above its max of " + number(max));
    one.demand = std::max(one.definition.limits.min, of_children[i]);
    std::uint64_t& sum = one.parent == ClassSet::k_none ? set.demand : of_children[one.parent];
    sum = one.demand > UINT64_MAX - sum ? UINT64_MAX : sum + one.demand;
  }
  const std::uint64_t most = protectable_bytes(memory_limit);
  if (set.demand > most && set.demand > promised_bytes) {
    return Error{Errc::invalid_argument, "the classes' min is " + number(set.demand) +
                                             " bytes together, above " + number(most) + ": " +
                                             number(k_class_min_numerator) + "/" +
                                             number(k_class_min_denominator) +
                                             " of the memory limit of " + number(memory_limit)};
  }
  return set;
}

}  // namespace ullage::engine
