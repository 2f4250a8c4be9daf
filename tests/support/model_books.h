// The second half of the model's rule: nothing is forgotten without exactly one recorded removal.
// Included by model.h; include that one.
#pragma once

#include "model.h"

namespace ullage::test {

/// Lets the cache deliver everything, finds what is absent, and matches the two.
inline void Model::drain(bool last) {
  if (!failure_.empty()) return;
  watch_pressure();
  end_expired();
  run_ticks();
  if (setup_.maintenance == Maintenance::thread) {
    for (int attempt = 0; attempt < 100'000; ++attempt) {
      {
        const std::lock_guard lock(heard_->mutex);
        if (heard_->total + cache_.stats().removal_events_lost == removed()) break;
      }
      run_ticks();
      std::this_thread::yield();
    }
    // What its thread has in hand is neither stored nor recorded yet; in the end it is.
    for (int attempt = 0; last && attempt < 100'000 && cache_.size() != believed(); ++attempt) {
      run_ticks();
      std::this_thread::yield();
    }
  }
  watch_pressure();
  removed_when_drained_ = removed();
  // What the cache no longer has must be explained, whether anybody asked for it or not.
  for (auto& [name, group] : groups_) {
    for (auto entry = group.entries.begin(); entry != group.entries.end();) {
      if (cache_.contains(name, entry->first)) {
        ++entry;
      } else {
        end_life(group, entry->first, entry->second, End::lost);
        entry = group.entries.erase(entry);
      }
    }
    group.used_maybe = now();
  }
  std::vector<std::string> vanished;
  for (const auto& [name, group] : groups_) {
    if (group.entries.empty()) vanished.push_back(name);
  }
  for (const std::string& name : vanished) {
    if (!cache_.contains_group(name)) end_group(name, End::lost);
  }
  match_events(last);
  pressed_ = false;
  watch_pressure();
}

inline void Model::match_events(bool last) {
  std::map<std::string, std::vector<Event>> events;
  std::uint64_t replaced = 0;
  {
    const std::lock_guard lock(heard_->mutex);
    events.swap(heard_->by_field);
    replaced = heard_->replaced;
  }
  if (blind_) {
    ended_.clear();
    return;
  }
  if (replaced != replaced_) {
    return fail(std::to_string(replaced) + " removals by replacement were recorded, " +
                std::to_string(replaced_) + " writes replaced something");
  }
  for (auto& [field, heard] : events)
    match_field(field, heard, ended_[field], last);
  for (auto ended = ended_.begin(); ended != ended_.end();) {
    if (!events.contains(ended->first)) {
      std::vector<Event> none;
      match_field(ended->first, none, ended->second, last);
    }
    ended = ended->second.empty() ? ended_.erase(ended) : std::next(ended);
  }
}

/// Kuhn's algorithm: first from the lives that must be explained, then from the events. An
/// augmenting path never leaves a matched one unmatched, so that both hold in the end or neither
/// can.
inline void Model::match_field(const std::string& field, std::vector<Event>& events,
                               std::vector<Ended>& lives, bool last) {
  constexpr std::size_t none = SIZE_MAX;
  // Lives that few events can explain choose first: one that had several names may take an event of
  // a later batch, and must not take away the only one of another.
  std::sort(lives.begin(), lives.end(), [](const Ended& one, const Ended& other) {
    return one.names.size() != other.names.size() ? one.names.size() < other.names.size()
                                                  : one.life < other.life;
  });
  std::vector<std::size_t> life_of(events.size(), none);
  std::vector<std::size_t> event_of(lives.size(), none);
  std::vector<bool> visited;

  const auto from_life = [&](const auto& self, std::size_t life) -> bool {
    for (std::size_t event = 0; event < events.size(); ++event) {
      if (visited[event] || !may_explain(events[event], lives[life])) continue;
      visited[event] = true;
      if (life_of[event] == none || self(self, life_of[event])) {
        life_of[event] = life;
        event_of[life] = event;
        return true;
      }
    }
    return false;
  };
  const auto from_event = [&](const auto& self, std::size_t event) -> bool {
    for (std::size_t life = 0; life < lives.size(); ++life) {
      if (visited[life] || !may_explain(events[event], lives[life])) continue;
      visited[life] = true;
      if (event_of[life] == none || self(self, event_of[life])) {
        event_of[life] = event;
        life_of[event] = life;
        return true;
      }
    }
    return false;
  };

  for (std::size_t life = 0; life < lives.size(); ++life) {
    const bool due = setup_.maintenance == Maintenance::manual && lives[life].due <= now();
    if (!last && !due) continue;
    visited.assign(events.size(), false);
    if (!from_life(from_life, life)) {
      std::string heard;
      for (const Event& event : events)
        heard += std::string(" ") + std::string(to_string(event.cause)) + "@" + shown(event.group);
      return fail(
          "forgotten without a removal: " + place(*lives[life].names.begin(), field) + ", " +
          (lives[life].erased    ? "erased"
           : lives[life].expired ? "expired"
                                 : "found absent") +
          "; removals of this field since the last drain:" + (heard.empty() ? " none" : heard));
    }
  }
  for (std::size_t event = 0; event < events.size(); ++event) {
    if (life_of[event] != none) continue;
    visited.assign(lives.size(), false);
    if (!from_event(from_event, event)) {
      return fail("a removal without a reason: " + place(events[event].group, field) + " " +
                  std::string(to_string(events[event].cause)) + "; the field has " +
                  std::to_string(lives.size()) + " ended lives");
    }
  }
  std::vector<Ended> left;
  for (std::size_t life = 0; life < lives.size(); ++life) {
    if (event_of[life] != none) continue;
    lives[life].due = std::min(lives[life].due, now() + 1000);
    left.push_back(std::move(lives[life]));
  }
  lives = std::move(left);
}

}  // namespace ullage::test
