#include "server/governor_task.h"

#include <ullage/observe/allocator.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace ullage::server {

using observe::GovernorOrder;
using observe::GovernorStage;

std::string_view to_string(GovernorTask::Action action) noexcept {
  constexpr std::array<std::string_view, GovernorTask::k_actions> k_names{"give", "grow", "purge",
                                                                          "refuse", "admit"};
  return k_names[static_cast<std::size_t>(action)];
}

GovernorTask::GovernorTask(Parts parts, std::size_t most_bytes)
    : parts_(std::move(parts)),
      governor_({.most_bytes = most_bytes, .least_bytes = k_memory_limit_min_bytes}),
      most_bytes_(most_bytes),
      governed_bytes_(most_bytes),
      limit_bytes_(most_bytes) {}

void GovernorTask::set(std::size_t most_bytes, bool is_on) {
  most_bytes_ = most_bytes;
  is_on_ = is_on;
  governor_.set_most_bytes(most_bytes);
  if (!is_on_) governor_ = observe::Governor({most_bytes, k_memory_limit_min_bytes});
  governed_bytes_.store(governor_.last().cache_bytes, std::memory_order_relaxed);
  limit_bytes_ = parts_.cache.stats().memory_limit;
  next_look_ms_ = 0;
}

std::int64_t GovernorTask::wait_ms() const noexcept {
  if (limit_bytes_ != governor_.last().cache_bytes) return 0;
  if (!is_on_) return 1000;
  return std::max<std::int64_t>(next_look_ms_ - parts_.clock.running_ms(), 0);
}

void GovernorTask::step() {
  const std::int64_t now_ms = parts_.clock.running_ms();
  if (is_on_ && now_ms >= next_look_ms_) look(now_ms);
  const std::size_t ordered = governor_.last().cache_bytes;
  if (limit_bytes_ == ordered) return;
  if (ordered > limit_bytes_) return limit_cache(ordered);
  // What it does not take costs nothing to give up.
  const std::size_t taken = std::min(limit_bytes_, parts_.cache.stats().charged_bytes);
  limit_cache(std::max(ordered, taken - std::min(taken, k_step_bytes)));
}

void GovernorTask::limit_cache(std::size_t bytes) {
  // Refused only outside of what the settings allow, where the order has to wait for the next.
  static_cast<void>(parts_.cache.set_memory_limit(bytes));
  limit_bytes_ = bytes;
}

void GovernorTask::look(std::int64_t now_ms) {
  const GovernorOrder before = governor_.last();
  const GovernorOrder order =
      governor_.look(parts_.container(), parts_.cache.stats().charged_bytes, now_ms);
  next_look_ms_ = now_ms + governor_.wait_ms();
  governed_bytes_.store(order.cache_bytes, std::memory_order_relaxed);
  act(before, order, now_ms);
  tell(before, order, now_ms);
}

void GovernorTask::act(const GovernorOrder& before, const GovernorOrder& order,
                       std::int64_t now_ms) {
  if (order.cache_bytes < before.cache_bytes)
    note(Action::give, before.cache_bytes - order.cache_bytes, now_ms);
  if (order.cache_bytes > before.cache_bytes)
    note(Action::grow, order.cache_bytes - before.cache_bytes, now_ms);
  if (order.stage >= GovernorStage::purge && now_ms - purged_ms_ >= k_purge_again_ms) {
    purged_ms_ = now_ms;
    parts_.purge();
    note(Action::purge, 0, now_ms);
  }
  const bool refused = before.stage == GovernorStage::refuse;
  const bool refuses = order.stage == GovernorStage::refuse;
  if (refuses != refused) note(refuses ? Action::refuse : Action::admit, 0, now_ms);
}

void GovernorTask::note(Action action, std::uint64_t bytes, std::int64_t now_ms) {
  constexpr std::array<const char*, k_actions> k_traced{
      "governor gives", "governor grows", "governor purges", "governor refuses", "governor admits"};
  const auto i = static_cast<std::size_t>(action);
  ++counts_[i];
  if (parts_.trace.is_on()) {
    TraceEvent event;
    event.kind = TraceKind::other;
    event.began_ns = TraceHook::now_ns();
    event.bytes = bytes;
    event.name = k_traced[i];
    parts_.trace.tell(event);
  }
  Line& line = lines_[i];
  if (line.told_ms != 0 && now_ms - line.told_ms < k_line_again_ms) {
    ++line.left_out;
    return;
  }
  line.told_ms = now_ms;
  parts_.log.info("the governor acts", {{"event.action", "governor"},
                                        {"ullage.action", to_string(action)},
                                        {"ullage.value", bytes},
                                        {"ullage.unit", "bytes"},
                                        {"ullage.cache_bytes", governor_.last().cache_bytes},
                                        {"ullage.left_out", std::exchange(line.left_out, 0)}});
}

void GovernorTask::tell(const GovernorOrder& before, const GovernorOrder& order,
                        std::int64_t now_ms) {
  if (order.is_blind != before.is_blind) {
    if (order.is_blind) {
      parts_.log.warning("the container's memory cannot be read any more: the cache stays as it is",
                         {{"event.kind", "alert"},
                          {"event.action", "container_lost"},
                          {"ullage.cache_bytes", order.cache_bytes}});
    } else {
      parts_.log.info("the container's memory can be read again");
    }
  }
  if (order.stage != GovernorStage::calm || order.is_blind) tight_ms_ = now_ms;
  if (order.stage > told_) {
    told_ = order.stage;
    parts_.log.warning("the container is short of memory",
                       {{"event.kind", "alert"},
                        {"event.action", "container_use"},
                        {"ullage.stage", observe::to_string(order.stage)},
                        {"ullage.value", static_cast<std::uint64_t>(order.use_percent)},
                        {"ullage.unit", "percent"},
                        {"ullage.cache_bytes", order.cache_bytes},
                        {"ullage.kernel_was_short", std::uint64_t{order.kernel_was_short}},
                        {"ullage.tasks_waited", std::uint64_t{order.tasks_waited}}});
  }
  if (told_ != GovernorStage::calm && now_ms - tight_ms_ >= observe::Governor::k_calm_ms) {
    told_ = GovernorStage::calm;
    parts_.log.info("the container has room again",
                    {{"ullage.value", static_cast<std::uint64_t>(order.use_percent)},
                     {"ullage.unit", "percent"},
                     {"ullage.cache_bytes", order.cache_bytes}});
  }
}

}  // namespace ullage::server
