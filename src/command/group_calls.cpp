#include "command/group_calls.h"

#include <string_view>
#include <utility>

namespace ullage::command {

void GroupCalls::look_at(const Row& row, resp::Args args, std::int64_t now_ms) {
  if (row.keys.first == 0 || static_cast<std::size_t>(row.keys.first) >= args.size()) return;
  const std::string_view key = args[static_cast<std::size_t>(row.keys.first)];
  const std::lock_guard lock(mutex_);
  if (now_ms - began_ms_ >= k_window_ms) {
    const bool is_next = now_ms - began_ms_ < 2 * k_window_ms;
    last_ = is_next ? std::exchange(now_, Window{}) : Window{};
    if (!is_next) now_ = Window{};
    began_ms_ = now_ms;
  }
  now_.groups.add(key, 1, {});
  ++now_.samples;
}

void GroupCalls::add_to(observe::HeavyHitters& all, std::uint64_t& samples,
                        std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  for (const Window* window : {&now_, &last_}) {
    const std::int64_t until_ms = began_ms_ + (window == &now_ ? 2 : 1) * k_window_ms;
    if (now_ms >= until_ms) continue;
    samples += window->samples;
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
      thread->add_to(all, hot.samples, now_ms);
  }
  for (const auto& one : all.largest(most)) {
    if (one.certain() != 0) hot.groups.push_back({.name = one.name, .samples = one.certain()});
  }
  return hot;
}

}  // namespace ullage::command
