#include "server/recent_counts.h"

#include <algorithm>
#include <utility>

namespace ullage::server {

namespace {
// A counter that went back belongs to another class of that name.
std::uint64_t since(std::uint64_t now, std::uint64_t before) noexcept {
  return now >= before ? now - before : now;
}
}  // namespace

void RecentCounts::look_at(const Stats& stats, std::span<const ClassInfo> classes,
                           std::int64_t now_ms) {
  if (!is_due(now_ms)) return;
  const bool is_first = std::exchange(last_ms_, now_ms) == 0;
  if (is_first) return;  // all that was counted is of late
  before_ = std::exchange(last_, {.stats = stats});
  // A node of a map and its key, of both moments.
  constexpr std::size_t k_class_bytes = 2 * (sizeof(Counts) + 128);
  held_.clear();
  if (!held_.take(classes.size() * k_class_bytes)) {
    before_.classes.clear();
    return;
  }
  for (const ClassInfo& one : classes)
    last_.classes[one.pattern] = {one.hits, one.misses, one.evicted};
}

Stats RecentCounts::of(Stats now) const {
  const Stats& before = before_.stats;
  now.hits = since(now.hits, before.hits);
  now.misses = since(now.misses, before.misses);
  now.inserts = since(now.inserts, before.inserts);
  now.evicted_unread = since(now.evicted_unread, before.evicted_unread);
  std::ranges::transform(now.removals, before.removals, now.removals.begin(), since);
  return now;
}

std::vector<ClassInfo> RecentCounts::of(std::vector<ClassInfo> now) const {
  for (ClassInfo& one : now) {
    const auto found = before_.classes.find(one.pattern);
    if (found == before_.classes.end()) continue;
    one.hits = since(one.hits, found->second.hits);
    one.misses = since(one.misses, found->second.misses);
    one.evicted = since(one.evicted, found->second.evicted);
  }
  return now;
}

}  // namespace ullage::server
