#include "command/group_calls.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace ullage::command {

void GroupCalls::look_at(const Row& row, resp::Args args, std::int64_t now_ms) {
  if (row.keys.first == 0 || static_cast<std::size_t>(row.keys.first) >= args.size()) return;
  const std::string_view key = args[static_cast<std::size_t>(row.keys.first)];
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  if (is_over(now_, now_ms, 1)) {
    std::swap(now_, last_);
    // After a long silence the last minute had none.
    if (is_over(last_, now_ms, 2)) last_.begin(now_ms);
    now_.begin(now_ms);
  }
  now_.groups.add(key, 1, {});
  ++now_.samples;
}

void GroupCalls::add_to(observe::HeavyHitters& all, HotGroups& hot, std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  for (const Window* window : {&now_, &last_}) {
    if (window->samples == 0 || is_over(now_, now_ms, window == &now_ ? 2 : 1)) continue;
    hot.samples += window->samples;
    hot.window_ms = std::max(hot.window_ms, now_ms - window->began_ms);
    for (const auto& one : window->groups.largest(k_followed)) {
      if (one.certain() != 0) all.add(one.name, one.certain(), {});
    }
  }
}

HotGroups GroupCallStats::hottest(std::size_t most, std::int64_t now_ms) const {
  HotGroups hot;
  observe::HeavyHitters all(2 * GroupCalls::k_followed);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& thread : threads_)
      thread->add_to(all, hot, now_ms);
  }
  for (const auto& one : all.largest(most)) {
    if (one.certain() != 0) hot.groups.push_back({.name = one.name, .samples = one.certain()});
  }
  return hot;
}

}  // namespace ullage::command
