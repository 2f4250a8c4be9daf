// Keyspace notifications: what happens to keys, told on channels.
//
//   __keyspace@<database>__:<key>    <event>
//   __keyevent@<database>__:<event>  <key>
#pragma once

#include "command/events.h"
#include "command/pubsub.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::command {

/// Thread-safe. Costs one load while none is wanted.
class KeyEvents {
 public:
  /// What is wanted, as letters: K and E for the two kinds of channels, g $ h x e and others for
  /// the events, A for all events. False, and nothing changed, if there is another letter.
  bool want(std::string_view letters) noexcept;
  /// As want() takes it.
  [[nodiscard]] std::string wanted() const;

  /// Whether anybody hears of what the cache lets go by itself.
  [[nodiscard]] bool wants_removals() const noexcept;

  void tell(PubSub& pubsub, std::string_view group, const Event& event) {
    if (wanted_.load(std::memory_order_relaxed) != 0) tell_wanted(pubsub, group, event);
  }

 private:
  void tell_wanted(PubSub& pubsub, std::string_view group, const Event& event);

  std::atomic<std::uint32_t> wanted_{0};  // a bit for each of k_letters
};

}  // namespace ullage::command
