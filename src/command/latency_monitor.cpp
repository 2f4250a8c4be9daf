#include "command/latency_monitor.h"

#include <algorithm>

namespace ullage::command {

void LatencyMonitor::add(std::string_view name, std::int64_t now_ms, std::int64_t took_us) {
  const Sample sample{now_ms / 1000, took_us / 1000};
  const std::scoped_lock lock(mutex_);
  auto found = events_.find(name);
  if (found == events_.end()) found = events_.emplace(std::string(name), Kept{}).first;
  Kept& kept = found->second;
  kept.worst_ms = std::max(kept.worst_ms, sample.took_ms);
  if (!kept.samples.empty() && kept.samples.back().at_s == sample.at_s) {
    kept.samples.back().took_ms = std::max(kept.samples.back().took_ms, sample.took_ms);
    return;
  }
  kept.samples.push_back(sample);
  if (kept.samples.size() > k_samples_max) kept.samples.pop_front();
}

std::vector<LatencyMonitor::Event> LatencyMonitor::events() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Event> all;
  for (const auto& [name, kept] : events_)
    all.push_back({name, {kept.samples.begin(), kept.samples.end()}, kept.worst_ms});
  return all;
}

std::vector<LatencyMonitor::Sample> LatencyMonitor::history(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = events_.find(name);
  if (found == events_.end()) return {};
  return {found->second.samples.begin(), found->second.samples.end()};
}

bool LatencyMonitor::forget(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  const auto found = events_.find(name);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

std::size_t LatencyMonitor::clear() {
  const std::scoped_lock lock(mutex_);
  const std::size_t count = events_.size();
  events_.clear();
  return count;
}

}  // namespace ullage::command
