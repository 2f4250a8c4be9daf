#include "command/transaction.h"

#include "command/long_work.h"
#include "command/pubsub.h"
#include "command/tracking.h"

#include <algorithm>
#include <utility>

namespace ullage::command {

Session::Session() = default;
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::reset() {
  Session fresh;
  fresh.client = std::move(client);
  fresh.can_wait = can_wait;
  *this = std::move(fresh);
}

WatchedKeys::~WatchedKeys() {
  for (const Watched& key : keys_)
    watches_.remove(key.group, flag_);
}

bool WatchedKeys::knows(std::string_view group) const noexcept {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const Watched& key) { return key.group == group; });
}

bool WatchedKeys::watch(std::string_view group) {
  // What it costs here and in the table of watches.
  constexpr std::size_t k_node_bytes = 192;
  if (!held_.take(k_node_bytes + 2 * group.size())) return false;
  watches_.add(group, flag_);
  keys_.push_back({std::string(group), false});
  return true;
}

}  // namespace ullage::command
