#include "command/tracking.h"

#include "command/names.h"
#include "command/push_message.h"
#include "command/user.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ullage::command {

namespace {

// What a key, a field of it, and a client that read one take in the table, with what the heap adds;
// besides names.
constexpr std::size_t k_key_bytes = 192;
constexpr std::size_t k_field_bytes = 144;
constexpr std::size_t k_reader_bytes = 16;
// A client, and a prefix it follows.
constexpr std::size_t k_follower_bytes = 320;
constexpr std::size_t k_prefix_bytes = 224;

constexpr std::string_view k_channel = "__redis__:invalidate";

using Ids = std::vector<Tracking::Id>;

bool contains(const Ids& sorted, Tracking::Id id) noexcept {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}
void insert(Ids& sorted, Tracking::Id id) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), id);
  if (at == sorted.end() || *at != id) sorted.insert(at, id);
}

std::size_t bytes_of(const TrackingOptions& options) noexcept {
  std::size_t bytes = k_follower_bytes;
  for (const std::string& prefix : options.prefixes)
    bytes += k_prefix_bytes + 2 * prefix.size();
  return bytes;
}

/// For CLIENT LIST.
void show(Client& client, std::int64_t redirect, bool broadcast) noexcept {
  client.tracking_redirect.store(redirect, std::memory_order_relaxed);
  client.tracking_broadcast.store(broadcast, std::memory_order_relaxed);
  client.tracking_broken.store(false, std::memory_order_relaxed);
}

void append_names(std::string& out, bool resp3, const std::string_view* key,
                  Tracking::Fields fields) {
  if (key == nullptr) {
    out += resp3 ? "_\r\n" : "$-1\r\n";
    return;
  }
  append_array(out, 1 + fields.size());
  append_bulk(out, *key);
  for (const std::string_view field : fields)
    append_bulk(out, field);
}

}  // namespace

// --- who follows ---

bool Tracking::begin(const std::shared_ptr<Client>& client, TrackingOptions options) {
  TakenBytes held(budget_);
  while (!held.take(bytes_of(options))) {
    if (!make_room(parts_[0])) return false;
  }
  const std::scoped_lock lock(followers_mutex_);
  const Id id = client->id();
  if (options.broadcast) {
    for (const std::string& prefix : options.prefixes)
      insert(prefixes_[prefix], id);
  }
  const auto [at, is_new] = followers_.try_emplace(id, Follower{client, {}, TakenBytes(budget_)});
  Follower& follower = at->second;
  if (options.broadcast && !follower.options.broadcast)
    broadcasters_.fetch_add(1, std::memory_order_release);
  follower.options = std::move(options);
  show(*client, static_cast<std::int64_t>(follower.options.redirect), follower.options.broadcast);
  follower.held = std::move(held);
  if (is_new) followers_count_.fetch_add(1, std::memory_order_release);
  return true;
}

void Tracking::end(Id client) noexcept {
  const std::scoped_lock lock(followers_mutex_);
  const auto at = followers_.find(client);
  if (at == followers_.end()) return;
  for (const std::string& prefix : at->second.options.prefixes) {
    const auto ids = prefixes_.find(prefix);
    if (ids == prefixes_.end()) continue;
    std::erase(ids->second, client);
    if (ids->second.empty()) prefixes_.erase(ids);
  }
  show(*at->second.client, -1, false);
  if (at->second.options.broadcast) broadcasters_.fetch_sub(1, std::memory_order_release);
  followers_.erase(at);
  if (followers_count_.fetch_sub(1, std::memory_order_release) == 1) forget_all();
}

// --- what is remembered ---

Tracking::Part& Tracking::part_of(std::string_view group) noexcept {
  return parts_[NameHash()(group) % k_parts];
}

std::size_t Tracking::cost_of(std::string_view group, const Readers& readers) noexcept {
  std::size_t bytes = k_key_bytes + 2 * group.size() + k_reader_bytes * readers.of_key.size();
  for (const auto& [field, ids] : readers.of_fields)
    bytes += k_field_bytes + field.size() + k_reader_bytes * ids.size();
  return bytes;
}

void Tracking::remember(Id reader, std::string_view group, Fields fields) {
  if (fields.size() > k_fields_max) fields = {};
  Part& part = part_of(group);
  while (!note(part, reader, group, fields)) {
    if (make_room(part)) continue;
    // So full of other things that it cannot be followed: it counts as changed at once.
    return tell_readers(group, {{reader, {}}}, 0);
  }
}

bool Tracking::note(Part& part, Id reader, std::string_view group, Fields fields) {
  const std::scoped_lock lock(part.mutex);
  const auto known = part.keys.find(group);
  std::size_t bytes = known == part.keys.end() ? k_key_bytes + 2 * group.size() : 0;
  const Readers none;
  const Readers& present = known == part.keys.end() ? none : known->second;
  if (fields.empty()) {
    if (!contains(present.of_key, reader)) bytes += k_reader_bytes;
  } else {
    for (const std::string_view field : fields) {
      const auto ids = present.of_fields.find(field);
      if (ids == present.of_fields.end()) bytes += k_field_bytes + field.size();
      if (ids == present.of_fields.end() || !contains(ids->second, reader)) bytes += k_reader_bytes;
    }
  }
  if (!budget_.take(bytes)) return false;
  Readers& readers = known == part.keys.end() ? part.keys[std::string(group)] : known->second;
  const std::size_t before = known == part.keys.end() ? 0 : cost_of(group, readers);
  if (fields.empty()) insert(readers.of_key, reader);
  for (const std::string_view field : fields) {
    const auto ids = readers.of_fields.find(field);
    insert(ids == readers.of_fields.end() ? readers.of_fields[std::string(field)] : ids->second,
           reader);
  }
  budget_.give(bytes - (cost_of(group, readers) - before));  // fields that were named twice
  return true;
}

bool Tracking::make_room(Part& part) {
  const auto first = static_cast<std::size_t>(&part - parts_.data());
  for (std::size_t i = 0; i < k_parts; ++i) {
    if (drop_one(parts_[(first + i) % k_parts])) return true;
  }
  return false;
}

bool Tracking::drop_one(Part& part) {
  std::string group;
  Told told;
  {
    const std::scoped_lock lock(part.mutex);
    if (part.keys.empty()) return false;
    std::size_t bucket = random_() % part.keys.bucket_count();
    while (part.keys.bucket_size(bucket) == 0)
      bucket = (bucket + 1) % part.keys.bucket_count();
    group = part.keys.begin(bucket)->first;
    const auto at = part.keys.find(group);
    for (const Id id : at->second.of_key)
      told[id];
    for (const auto& [field, ids] : at->second.of_fields) {
      for (const Id id : ids)
        told[id];
    }
    budget_.give(cost_of(group, at->second));
    part.keys.erase(at);
  }
  tell_readers(group, told, 0);
  return true;
}

// With it go the tables themselves, which do not shrink by themselves.
void Tracking::forget_all() noexcept {
  for (Part& part : parts_) {
    const std::scoped_lock lock(part.mutex);
    for (const auto& [group, readers] : part.keys)
      budget_.give(cost_of(group, readers));
    part.keys = Keys();
  }
}

// --- telling ---

void Tracking::tell(std::string_view group, Fields fields, Id by) {
  if (broadcasters_.load(std::memory_order_acquire) != 0)
    tell_prefixes(decode_group(group).key, fields, by);
  Told told;
  {
    Part& part = part_of(group);
    const std::scoped_lock lock(part.mutex);
    const auto at = part.keys.find(group);
    if (at == part.keys.end()) return;
    Readers& readers = at->second;
    const std::size_t before = cost_of(group, readers);
    const Ids of_key = std::exchange(readers.of_key, {});
    // Who has read the key as a whole is noted for it no more, so all of it goes.
    for (const Id id : of_key)
      told[id];
    if (fields.empty()) {
      for (const auto& [field, ids] : readers.of_fields) {
        for (const Id id : ids)
          told[id];
      }
      readers.of_fields.clear();
    }
    for (const std::string_view field : fields) {
      const auto ids = readers.of_fields.find(field);
      if (ids == readers.of_fields.end()) continue;
      for (const Id id : ids->second) {
        if (!contains(of_key, id)) told[id].push_back(field);
      }
      readers.of_fields.erase(ids);
    }
    const bool is_left = !readers.of_fields.empty();
    budget_.give(before - (is_left ? cost_of(group, readers) : 0));
    if (!is_left) part.keys.erase(at);
  }
  tell_readers(group, told, by);
}

void Tracking::tell_readers(std::string_view group, const Told& readers, Id by) {
  const std::string_view key = decode_group(group).key;
  const std::scoped_lock lock(followers_mutex_);
  for (const auto& [id, fields] : readers) {
    const auto at = followers_.find(id);
    if (at == followers_.end() || at->second.options.broadcast) continue;
    if (id == by && at->second.options.no_loop) continue;
    send(at->second, &key, fields);
  }
}

void Tracking::tell_prefixes(std::string_view key, Fields fields, Id by) {
  const std::scoped_lock lock(followers_mutex_);
  const auto tell_all = [&](const Ids& ids) {
    for (const Id id : ids) {
      const auto at = followers_.find(id);
      if (at == followers_.end() || (id == by && at->second.options.no_loop)) continue;
      const auto user = at->second.client->user();
      if (user && user->may_touch(key, {true, false})) send(at->second, &key, fields);
    }
  };
  if (prefixes_.size() <= key.size()) {
    for (const auto& [prefix, ids] : prefixes_) {
      if (key.starts_with(prefix)) tell_all(ids);
    }
    return;
  }
  for (std::size_t length = 0; length <= key.size(); ++length) {
    const auto at = prefixes_.find(key.substr(0, length));
    if (at != prefixes_.end()) tell_all(at->second);
  }
}

void Tracking::everything_changed() {
  if (!is_on()) return;
  forget_all();
  const std::scoped_lock lock(followers_mutex_);
  for (auto& [id, follower] : followers_)
    send(follower, nullptr, {});
}

void Tracking::send(Follower& follower, const std::string_view* key, Fields fields) {
  const Id redirect = follower.options.redirect;
  std::shared_ptr<Client> to = follower.client;
  if (redirect != 0) {
    to = clients_.find(redirect);
    if (to == nullptr) {
      if (follower.client->tracking_broken.exchange(true, std::memory_order_relaxed)) return;
      if (follower.client->protocol.load(std::memory_order_relaxed) != 3) return;
      std::string text = begin_message(true, 2);
      append_bulk(text, "tracking-redir-broken");
      text += ":" + std::to_string(redirect) + "\r\n";
      return follower.client->push(std::make_shared<const std::string>(std::move(text)));
    }
  }
  if (!follower.options.fields) fields = {};
  const bool resp3 = to->protocol.load(std::memory_order_relaxed) == 3;
  std::string text;
  if (resp3) {
    text = begin_message(true, 2);
    append_bulk(text, "invalidate");
  } else {
    // RESP2 has no room for what nobody asked for, but in a client that listens to channels.
    if (redirect == 0 || to->channels.load(std::memory_order_relaxed) +
                                 to->patterns.load(std::memory_order_relaxed) ==
                             0)
      return;
    text = begin_message(false, 3);
    append_bulk(text, "message");
    append_bulk(text, k_channel);
  }
  append_names(text, resp3, key, fields);
  to->push(std::make_shared<const std::string>(std::move(text)));
}

Tracking::Totals Tracking::totals() const {
  Totals totals;
  {
    const std::scoped_lock lock(followers_mutex_);
    totals.clients = followers_.size();
    totals.prefixes = prefixes_.size();
  }
  for (const Part& part : parts_) {
    const std::scoped_lock lock(part.mutex);
    totals.keys += part.keys.size();
  }
  return totals;
}

}  // namespace ullage::command
