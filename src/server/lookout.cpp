#include "server/lookout.h"

#include <algorithm>
#include <utility>

namespace ullage::server {

Lookout::Lookout(Parts parts)
    : parts_(std::move(parts)),
      census_(parts_.cache, parts_.held, parts_.clock),
      thresholds_(parts_.log),
      early_warning_(parts_.log, parts_.held),
      heap_watch_(parts_.held, parts_.clock),
      recent_(parts_.held),
      growth_(parts_.cache, parts_.held, parts_.clock, parts_.log) {}

bool Lookout::step() {
  const std::int64_t now_ms = parts_.clock.running_ms();
  growth_.step();
  heap_watch_.step();
  const bool is_seen_anew = census_.step();
  if (is_seen_anew) thresholds_.look_at(census_.census().last(), now_ms);
  if (now_ms < next_look_ms_) return is_seen_anew;
  next_look_ms_ = now_ms + k_look_ms;
  const Readings readings = parts_.readings();
  thresholds_.look_at(readings);
  early_warning_.look_at(readings, census_.census().last(), heap_watch_.owners());
  growth_.look_at(early_warning_.findings());
  if (recent_.is_due(now_ms)) recent_.look_at(parts_.cache.stats(), parts_.cache.classes(), now_ms);
  return is_seen_anew;
}

std::int64_t Lookout::wait_ms() const noexcept {
  return std::min({census_.wait_ms(), growth_.wait_ms(), heap_watch_.wait_ms()});
}

}  // namespace ullage::server
