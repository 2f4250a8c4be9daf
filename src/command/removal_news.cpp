#include "command/removal_news.h"

#include "command/names.h"
#include "command/services.h"

#include <span>
#include <string_view>

namespace ullage::command {

namespace {

// A ring of this size holds some thousand names, and is emptied many times a second.
constexpr std::size_t k_buffer_bytes = 256 * k_kib;

// Fields of a group that go with it come this close to each other.
constexpr std::int64_t k_together_ms = 100;

constexpr RemovalCauses k_causes{RemovalCause::expired, RemovalCause::evicted, RemovalCause::limit};

bool is_wanted(const Services& services) noexcept {
  return services.tracking.is_on() || services.key_events.wants_removals();
}

}  // namespace

void RemovalNews::listen(Options& options) {
  options.on_removal = [this](const Removal& removal) { heard(removal); };
  options.removal_causes = {};
  options.removal_buffer_bytes = k_buffer_bytes;
}

void RemovalNews::set_services(Services* services) {
  const std::lock_guard lock(mutex_);
  services_ = services;
}

void RemovalNews::wanted() {
  const std::lock_guard lock(mutex_);
  if (services_ != nullptr && is_wanted(*services_)) services_->cache.set_removal_causes(k_causes);
}

void RemovalNews::heard(const Removal& removal) {
  const std::lock_guard lock(mutex_);
  if (services_ == nullptr) return;
  // The last who wanted to know has gone without a word. Who comes meanwhile waits for the lock,
  // and switches on again.
  if (!is_wanted(*services_)) return services_->cache.set_removal_causes({});
  tell(*services_, removal);
}

void RemovalNews::tell(Services& services, const Removal& removal) {
  if (removal.lost_before != 0) services.tracking.everything_changed();
  const bool is_string = is_string_value(removal.field);
  const std::string_view field = is_string ? std::string_view() : decode_field(removal.field);
  services.tracking.changed(removal.group,
                            is_string ? Tracking::Fields() : Tracking::Fields(&field, 1), 0);
  if (!services.key_events.wants_removals()) return;
  const bool expired = removal.cause == RemovalCause::expired;
  if (!is_string && services.cache.contains_group(removal.group)) {
    gone_.clear();
    return services.key_events.tell(services.pubsub, removal.group,
                                    expired ? k_event_hexpired : k_event_hevicted);
  }
  // A group goes field by field, all at about one time: it is told once.
  const std::int64_t now_ms = services.clock.running_ms();
  const bool again = !is_string && gone_ == removal.group && now_ms < gone_ms_ + k_together_ms;
  gone_ = removal.group;
  gone_ms_ = now_ms;
  if (again) return;
  services.key_events.tell(services.pubsub, removal.group,
                           expired ? k_event_expired : k_event_evicted);
}

}  // namespace ullage::command
