#include "command/pubsub.h"

#include "command/glob.h"
#include "command/push_message.h"
#include "command/user.h"

#include <algorithm>

namespace ullage::command {

namespace {

/// A message in both protocols, each made when it is first needed.
class Message {
 public:
  explicit Message(std::vector<std::string_view> parts) : parts_(std::move(parts)) {}

  void send_to(Client& client) {
    const bool resp3 = client.protocol.load(std::memory_order_relaxed) == 3;
    auto& bytes = resp3 ? resp3_ : resp2_;
    if (!bytes) {
      auto text = std::make_shared<std::string>(begin_message(resp3, parts_.size()));
      for (const std::string_view part : parts_)
        append_bulk(*text, part);
      bytes = std::move(text);
    }
    client.push(bytes);
  }

 private:
  std::vector<std::string_view> parts_;
  std::shared_ptr<const std::string> resp2_;
  std::shared_ptr<const std::string> resp3_;
};

bool may_read(const Client& client, std::string_view key) {
  const auto user = client.user();
  return user && user->may_touch(key, {true, false});
}

// What it costs here and in the table of listeners, besides the name twice.
constexpr std::size_t k_node_bytes = 224;

}  // namespace

void PubSub::add(Listeners& all, std::string_view name, const Listener& client) {
  const std::scoped_lock lock(mutex_);
  all[std::string(name)].push_back(client);
  listeners_.fetch_add(1, std::memory_order_release);
}

void PubSub::remove(Listeners& all, std::string_view name, const Client& client) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto at = all.find(name);
  if (at == all.end()) return;
  listeners_.fetch_sub(
      std::erase_if(at->second, [&](const Listener& one) { return one.get() == &client; }),
      std::memory_order_release);
  if (at->second.empty()) all.erase(at);
}

void PubSub::subscribe(std::string_view channel, const Listener& client) {
  add(channels_, channel, client);
}
void PubSub::unsubscribe(std::string_view channel, const Client& client) noexcept {
  remove(channels_, channel, client);
}
void PubSub::subscribe_pattern(std::string_view pattern, const Listener& client) {
  add(patterns_, pattern, client);
}
void PubSub::unsubscribe_pattern(std::string_view pattern, const Client& client) noexcept {
  remove(patterns_, pattern, client);
}

std::size_t PubSub::tell(std::string_view channel, std::string_view message,
                         std::optional<std::string_view> key) {
  if (!has_listeners()) return 0;
  std::size_t told = 0;
  const std::scoped_lock lock(mutex_);
  if (const auto at = channels_.find(channel); at != channels_.end()) {
    Message by_name({"message", channel, message});
    for (const Listener& client : at->second) {
      if (key && !may_read(*client, *key)) continue;
      by_name.send_to(*client);
      ++told;
    }
  }
  for (const auto& [pattern, clients] : patterns_) {
    if (!glob_matches(pattern, channel)) continue;
    Message by_pattern({"pmessage", pattern, channel, message});
    for (const Listener& client : clients) {
      if (key && !may_read(*client, *key)) continue;
      by_pattern.send_to(*client);
      ++told;
    }
  }
  return told;
}

std::vector<std::string> PubSub::channels() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  names.reserve(channels_.size());
  for (const auto& [name, clients] : channels_)
    names.push_back(name);
  return names;
}

std::size_t PubSub::listeners_of(std::string_view channel) const {
  const std::scoped_lock lock(mutex_);
  const auto at = channels_.find(channel);
  return at == channels_.end() ? 0 : at->second.size();
}

std::size_t PubSub::patterns() const {
  const std::scoped_lock lock(mutex_);
  return patterns_.size();
}

Subscriptions::~Subscriptions() {
  for (const std::string& name : channels_)
    pubsub_.unsubscribe(name, *client_);
  for (const std::string& name : patterns_)
    pubsub_.unsubscribe_pattern(name, *client_);
  channels_.clear();
  patterns_.clear();
  show_counts();
}

bool Subscriptions::add(Kind kind, std::string_view name) {
  Names& names = of(kind);
  if (names.contains(name)) return true;
  if (!held_.take(k_node_bytes + 2 * name.size())) return false;
  names.emplace(name);
  kind == Kind::channel ? pubsub_.subscribe(name, client_)
                        : pubsub_.subscribe_pattern(name, client_);
  show_counts();
  return true;
}

void Subscriptions::remove(Kind kind, std::string_view name) noexcept {
  Names& names = of(kind);
  const auto at = names.find(name);
  if (at == names.end()) return;
  kind == Kind::channel ? pubsub_.unsubscribe(name, *client_)
                        : pubsub_.unsubscribe_pattern(name, *client_);
  held_.give(k_node_bytes + 2 * name.size());
  names.erase(at);
  show_counts();
}

std::vector<std::string> Subscriptions::names(Kind kind) const {
  const Names& names = kind == Kind::channel ? channels_ : patterns_;
  return {names.begin(), names.end()};
}

void Subscriptions::show_counts() noexcept {
  client_->channels.store(static_cast<std::uint32_t>(channels_.size()), std::memory_order_relaxed);
  client_->patterns.store(static_cast<std::uint32_t>(patterns_.size()), std::memory_order_relaxed);
}

}  // namespace ullage::command
