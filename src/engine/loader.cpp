#include "engine/loader.h"

namespace ullage::engine {

std::string Flights::group_key_of(std::string_view group) {
  const auto group_bytes = static_cast<std::uint32_t>(group.size());
  std::string key(reinterpret_cast<const char*>(&group_bytes), sizeof group_bytes);
  return key.append(group);
}

std::string Flights::key_of(const LoadSubject& subject) {
  std::string key = group_key_of(subject.group);
  if (subject.field) key.append(1, '/').append(*subject.field);
  return key;
}

void Flights::forget(Memories::iterator at) noexcept {
  if (at == memories_.end()) return;
  memory_bytes_ -= bytes_of(at->first, at->second.message);
  memories_.erase(at);
  recount();
}

template <class Predicate>
void Flights::forget_if(Predicate predicate) noexcept {
  for (auto at = memories_.begin(); at != memories_.end();) {
    const auto one = at++;
    if (predicate(*one)) forget(one);
  }
}

Flights::Boarded Flights::board(const LoadSubject& subject) {
  const std::string key = key_of(subject);
  const std::lock_guard lock(mutex_);
  if (const auto at = flights_.find(key); at != flights_.end()) {
    if (at->second->pilot == std::this_thread::get_id()) {
      return {nullptr, false,
              Error{Errc::reentered, "the loader asked for the entry that it is loading"}};
    }
    return {at->second, false, std::nullopt};
  }
  if (flights_.size() >= k_flights_max) {
    return {
        nullptr, false,
        Error{Errc::busy, "more than " + std::to_string(k_flights_max) + " loads are in flight"}};
  }
  auto flight = std::make_shared<Flight>();
  flight->pilot = std::this_thread::get_id();
  flight->group = subject.group;
  flight->is_of_group = !subject.field;
  flights_.emplace(key, flight);
  recount();
  return {flight, true, std::nullopt};
}

void Flights::land(const LoadSubject& subject, const std::shared_ptr<Flight>& flight,
                   Landed result) {
  {
    const std::lock_guard lock(mutex_);
    flight->result = std::move(result);
    flight->landed = true;
    flights_.erase(key_of(subject));
    recount();
  }
  landed_.notify_all();
}

Landed Flights::wait(const std::shared_ptr<Flight>& flight) {
  std::unique_lock lock(mutex_);
  landed_.wait(lock, [&] { return flight->landed; });
  return flight->result;
}

std::optional<Landed> Flights::remembered(const LoadSubject& subject) {
  if (watching_.load(std::memory_order_acquire) == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto at = memories_.find(key_of(subject));
  if (at == memories_.end()) return std::nullopt;
  if (at->second.until_ms <= state_.now_ms()) {
    forget(at);
    return std::nullopt;
  }
  return Landed{at->second.kind, {}, at->second.message};
}

void Flights::remember(const LoadSubject& subject, const Flight& flight, Loaded::Kind kind,
                       const std::string& message, Millis ttl) {
  if (ttl.count() <= 0) return;
  const std::int64_t now_ms = state_.now_ms();
  Memory memory{kind, message.substr(0, k_message_bytes), now_ms + ttl.count()};
  std::string key = key_of(subject);
  const std::size_t bytes = bytes_of(key, memory.message);
  const std::lock_guard lock(mutex_);
  if (flight.overtaken.load(std::memory_order_acquire) || bytes > remembered_max_bytes_) return;
  const auto full = [&] {
    return memories_.size() >= remembered_max_ || memory_bytes_ + bytes > remembered_max_bytes_;
  };
  forget(memories_.find(key));
  // What has ended goes first; else any one: it is a cache of answers, it may forget.
  if (full()) forget_if([&](const auto& one) { return one.second.until_ms <= now_ms; });
  while (full() && !memories_.empty())
    forget(memories_.begin());
  if (!full()) {
    memory_bytes_ += bytes;
    memories_.emplace(std::move(key), std::move(memory));
  }
  recount();
}

bool Flights::begin_refresh(const Names& names) {
  const std::lock_guard lock(mutex_);
  return refreshes_.size() < k_flights_max && refreshes_.insert(key_of(names)).second;
}

void Flights::end_refresh(const Names& names) noexcept {
  const std::lock_guard lock(mutex_);
  refreshes_.erase(key_of(names));
}

void Flights::overtake(Flight& flight) noexcept {
  if (flight.is_of_group && flight.pilot == std::this_thread::get_id()) return;
  flight.overtaken.store(true, std::memory_order_release);
}

void Flights::entry_changed_slow(const Names& names) noexcept {
  const std::lock_guard lock(mutex_);
  for (const LoadSubject& subject : {LoadSubject(names), LoadSubject(names.group)}) {
    const std::string key = key_of(subject);
    if (const auto at = flights_.find(key); at != flights_.end()) overtake(*at->second);
    forget(memories_.find(key));
  }
}

void Flights::group_changed_slow(std::string_view group) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [key, flight] : flights_) {
    if (flight->group == group) overtake(*flight);
  }
  const std::string prefix = group_key_of(group);
  forget_if([&](const auto& one) { return one.first.starts_with(prefix); });
}

void Flights::all_changed() noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [key, flight] : flights_)
    overtake(*flight);
  memories_.clear();
  memory_bytes_ = 0;
  recount();
}

}  // namespace ullage::engine
