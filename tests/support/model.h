// A plain map beside a cache, and the rules that bind the two: a cache may forget, but it never
// lies, and it forgets nothing without exactly one recorded removal whose cause is plausible.
//
// How. Each insertion is a "life". The model believes in a life until it ends it itself (erase,
// expiry, clear) or finds the entry absent. Lives that ended wait in `ended_` for their removal
// events. At a drain all events are there, and each must match one life of its field that may have
// ended by that cause; each life that is over must be matched. A matching and not a simple count,
// since one name may have lived several times between two drains, under several group names.
//
// Depends on the public headers alone; tests/model/ and fuzz/cache_fuzz.cpp share it.
#pragma once

#include <ullage/cache.h>

#include "balance.h"
#include "commands.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace ullage::test {

struct ModelSetup {
  std::size_t memory_limit = 8 * k_mib;
  std::size_t max_memory_limit = 0;
  Policy policy = Policy::adaptive;
  Maintenance maintenance = Maintenance::manual;
  std::uint64_t max_entries = 0;
  GroupLimits group;
  bool may_evict = false;            ///< else any eviction is a failure
  std::size_t validate_every = 100;  ///< commands between two validations
  /// Names share their hashes: a page that cannot be split keeps what it can hold, so that entries
  /// go, and renames are refused, however much room there is.
  bool names_collide = false;
  std::function<void(Cache&)> prepare{};  ///< called with the cache while it is empty
};

class Model {
 public:
  explicit Model(const ModelSetup& setup) : setup_(setup), defaults_(setup.group), cache_(open()) {
    if (setup_.prepare) setup_.prepare(cache_);
  }

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Does one command on both sides; false once something is wrong, see failure().
  bool apply(const Command& command) {
    if (!failure_.empty()) return false;
    dispatch(command);
    watch_pressure();
    if (!blind_ && removed() > removed_when_drained_ + k_undrained_max) drain();
    if (++commands_ % setup_.validate_every == 0) check_balance();
    return failure_.empty();
  }

  /// Lets everything that is due happen, and closes the books.
  bool finish() {
    if (!failure_.empty()) return false;
    drain();
    clock_->advance(Millis(1000));
    end_expired();
    drain();
    clock_->advance(Millis(1000));
    end_expired();
    drain(true);
    if (failure_.empty() && believed() != cache_.size()) {
      fail("size() is " + std::to_string(cache_.size()) + ", the model has " +
           std::to_string(believed()));
    }
    check_balance();
    return failure_.empty();
  }

  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] Stats stats() const { return cache_.stats(); }

 private:
  static constexpr std::int64_t k_never = INT64_MAX;

  struct Entry {
    std::string value;
    std::int64_t deadline = k_never;
    std::uint64_t life = 0;
  };
  struct Group {
    std::map<std::string, Entry> entries;
    std::int64_t deadline = k_never;
    std::optional<GroupLimits> limits;
    std::int64_t used_surely = 0;  ///< last call that certainly counts as use
    std::int64_t used_maybe = 0;   ///< last call that may count as use
    std::set<std::string> names;   ///< all names that it had; events may carry any of them
  };
  /// A life that is over and whose removal event may still be under way.
  struct Ended {
    std::uint64_t life = 0;
    std::set<std::string> names;
    bool erased = false;   ///< a call erased it
    bool expired = false;  ///< its time had passed, or may have (idle)
    bool limited = false;  ///< its group had limits
    /// From then on its event must have come. What expired has a second from the first maintenance
    /// after it: nobody could work while the clock jumped.
    std::int64_t due = 0;
  };
  struct Event {
    std::string group;
    RemovalCause cause;
  };
  struct Scan {
    std::string group;
    Cursor cursor = 0;
    std::map<std::string, std::uint64_t> at_start;  ///< field -> life
    std::set<std::string> seen;
  };
  /// What the listener fills, from whatever thread.
  struct Heard {
    std::mutex mutex;
    std::map<std::string, std::vector<Event>> by_field;
    std::uint64_t replaced = 0;
    std::uint64_t total = 0;
  };

  Cache open() {
    Options options;
    options.memory_limit = setup_.memory_limit;
    options.max_memory_limit = setup_.max_memory_limit;
    options.policy = setup_.policy;
    options.maintenance = setup_.maintenance;
    options.max_entries = setup_.max_entries;
    options.group = setup_.group;
    options.clock = clock_;
    options.hash_key[0] = 0x0123456789abcdefULL;  // the same run every time
    options.hash_key[1] = 0xfedcba9876543210ULL;
    options.random_seed = 42;
    options.on_removal = [heard = heard_](const Removal& removal) {
      const std::lock_guard lock(heard->mutex);
      ++heard->total;
      if (removal.cause == RemovalCause::replaced) {
        ++heard->replaced;
      } else {
        heard->by_field[std::string(removal.field)].push_back(
            {std::string(removal.group), removal.cause});
      }
    };
    return Cache::open(std::move(options)).value();
  }

  // --- what the model knows -------------------------------------------------------------------

  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }
  static std::string shown(const std::string& name) {
    std::string out;
    for (const char c : name.size() > 20 ? name.substr(0, 20) : name) {
      if (c >= ' ' && c <= '~') {
        out += c;
      } else {
        out += '?';
      }
    }
    return out + (name.size() > 20 ? "..." : "");
  }
  static std::string place(const std::string& group, const std::string& field) {
    return "(" + shown(group) + ", " + shown(field) + ")";
  }

  [[nodiscard]] std::uint64_t believed() const {
    std::uint64_t entries = 0;
    for (const auto& [name, group] : groups_)
      entries += group.entries.size();
    return entries;
  }
  [[nodiscard]] std::int64_t now() const { return clock_->now_ms(); }
  [[nodiscard]] const GroupLimits& limits_of(const Group& group) const {
    return group.limits ? *group.limits : defaults_;
  }
  [[nodiscard]] bool may_be_idle(const Group& group) const {
    const std::int64_t idle = limits_of(group).idle_ttl.count();
    return idle > 0 && now() - group.used_surely >= idle;
  }
  /// Idle expiry may be late by a tick of a sixteenth; twice that is a failure.
  [[nodiscard]] bool must_be_idle(const Group& group) const {
    const std::int64_t idle = limits_of(group).idle_ttl.count();
    return idle > 0 && now() - group.used_maybe > idle + idle / 8 + 2;
  }

  Group* find_group(const std::string& name) {
    const auto found = groups_.find(name);
    return found == groups_.end() ? nullptr : &found->second;
  }
  Entry* find_entry(const std::string& group, const std::string& field) {
    Group* const known = find_group(group);
    if (known == nullptr) return nullptr;
    const auto found = known->entries.find(field);
    return found == known->entries.end() ? nullptr : &found->second;
  }
  /// What a class is charged for an entry beside its field and value, its group's name included.
  static constexpr std::uint64_t k_entry_at_most = 2000;
  /// A value that its group or its class could never hold is refused; nothing else is.
  bool rightly_refused(const std::string& group, const std::string& field, std::size_t value_bytes,
                       Errc code) {
    const Group* const known = find_group(group);
    const GroupLimits& limits = known != nullptr ? limits_of(*known) : defaults_;
    if (code != Errc::value_too_long) return false;
    return (limits.max_bytes != 0 && field.size() + value_bytes > limits.max_bytes) ||
           field.size() + value_bytes + k_entry_at_most > least_class_max_;
  }
  void maybe_used(const std::string& name) {
    if (Group* const group = find_group(name)) group->used_maybe = now();
  }
  void surely_used(const std::string& name) {
    if (Group* const group = find_group(name)) group->used_surely = group->used_maybe = now();
  }

  enum class End : std::uint8_t { erased, expired, lost };

  void end_life(const Group& group, const std::string& field, const Entry& entry, End how) {
    Ended ended;
    ended.life = entry.life;
    ended.names = group.names;
    ended.erased = how == End::erased;
    ended.expired = how == End::expired || may_be_idle(group);
    ended.limited = limited_;
    ended.due = ended.expired ? k_never : now();
    ended_[field].push_back(std::move(ended));
  }
  /// Ends a life and forgets the entry; the group stays until the cache says that it is gone.
  void end_entry(const std::string& group_name_, const std::string& field, End how) {
    Group* const group = find_group(group_name_);
    const auto found = group->entries.find(field);
    end_life(*group, field, found->second, how);
    group->entries.erase(found);
  }
  void end_group(const std::string& name, End how) {
    if (how == End::erased) {
      // Entries that had expired and were still stored go with their group: either cause is true.
      for (auto& [field, lives] : ended_) {
        for (Ended& life : lives)
          life.erased = life.erased || life.names.contains(name);
      }
    }
    Group* const group = find_group(name);
    if (group == nullptr) return;
    for (const auto& [field, entry] : group->entries)
      end_life(*group, field, entry, how);
    groups_.erase(name);
    std::erase_if(scans_, [&](const Scan& scan) { return scan.group == name; });
  }
  /// After time passed: ends what can no longer be visible.
  void end_expired() {
    std::vector<std::string> over;
    for (auto& [name, group] : groups_) {
      if (group.deadline <= now() || must_be_idle(group)) {
        over.push_back(name);
        continue;
      }
      for (auto entry = group.entries.begin(); entry != group.entries.end();) {
        if (entry->second.deadline <= now()) {
          end_life(group, entry->first, entry->second, End::expired);
          entry = group.entries.erase(entry);
        } else {
          ++entry;
        }
      }
    }
    for (const std::string& name : over)
      end_group(name, End::expired);
  }

  /// Before a write: a group may have gone without our knowing, and its time and limits with it.
  void meet_group(const std::string& name) {
    Group* const group = find_group(name);
    if (group == nullptr) return;
    if (!cache_.contains_group(name)) {
      end_group(name, End::lost);
      return;
    }
    group->used_maybe = now();
  }
  /// After the first write into a group that we believed empty. A group whose fields all expired
  /// may still be stored; what the cache then says about its time and limits is what holds. That it
  /// should say nothing is for the contract suite to ask.
  void adopt_group(const std::string& name) {
    Group& group = group_for_write(name);
    const std::optional<Ttl> left = cache_.group_ttl(name);
    group.deadline = left && left->remaining ? now() + left->remaining->count() : k_never;
    const std::optional<GroupLimits> limits = cache_.group_limits(name);
    if (limits && *limits != defaults_) {
      group.limits = limits;
    } else {
      group.limits.reset();
    }
  }
  Group& group_for_write(const std::string& name) {
    Group& group = groups_[name];
    group.names.insert(name);
    group.used_surely = group.used_maybe = now();
    return group;
  }
  void believe(const std::string& group, const std::string& field, std::string value,
               std::int64_t deadline) {
    meet_reborn_group(group, field);
    const Group* const known = find_group(group);
    if (known == nullptr || known->entries.empty()) adopt_group(group);
    Entry& entry = group_for_write(group).entries[field];
    entry.value = std::move(value);
    entry.deadline = deadline;
    if (entry.life == 0) entry.life = ++lives_;
  }

  /// After a write that had to make room: it may have taken the group's last entry, and with it the
  /// group's own time to live and limits, before it wrote the first of the group that is there now.
  void meet_reborn_group(const std::string& name, const std::string& written) {
    const Group* const known = find_group(name);
    if (!setup_.may_evict || known == nullptr || known->deadline == k_never) return;
    const std::optional<Ttl> left = cache_.group_ttl(name);
    if (left && left->remaining) return;
    std::vector<std::string> gone;
    for (const auto& [field, entry] : known->entries) {
      if (field != written) gone.push_back(field);
    }
    for (const std::string& field : gone) {
      if (cache_.contains(name, field))
        return fail("a group with entries lost its time to live: " + shown(name));
      end_entry(name, field, End::lost);
    }
    adopt_group(name);
  }

  /// Reads an entry and compares; afterwards the model and the cache agree on whether it is there.
  void meet_entry(const std::string& group, const std::string& field) {
    meet_group(group);
    check_read(group, field, cache_.get(group, field));
  }
  void check_read(const std::string& group, const std::string& field,
                  const std::optional<Value>& got) {
    const Entry* const entry = find_entry(group, field);
    maybe_used(group);
    if (!got) {
      if (entry != nullptr) end_entry(group, field, End::lost);
      return;
    }
    if (entry == nullptr) {
      fail("a lie: " + place(group, field) + " has " + std::to_string(got->size()) +
           " bytes and should not exist");
    } else if (*got != entry->value) {
      fail("a lie: " + place(group, field) + " has " + std::to_string(got->size()) +
           " bytes, other than the last " + std::to_string(entry->value.size()) + " written");
    } else {
      surely_used(group);
    }
  }

  // --- commands -------------------------------------------------------------------------------

  void dispatch(const Command& command);
  void write(const std::string& group, const std::string& field, std::string value,
             const SetOptions& options);
  void read(const Command& command, const std::string& group, const std::string& field);
  void get_many(const Command& command, const std::string& group);
  void erase(const std::string& group, const std::string& field);
  void compare_and_set(const Command& command, const std::string& group, const std::string& field);
  void increment(const Command& command, const std::string& group, const std::string& field);
  void update(const Command& command, const std::string& group, const std::string& field);
  void expire(const Command& command, const std::string& group, const std::string& field);
  void expire_group(const Command& command, const std::string& group);
  void check_ttl(const std::string& group, const std::string& field);
  void for_each(const std::string& group);
  void erase_if(const Command& command, const std::string& group);
  void scan_start(const std::string& group);
  void scan_step(const Command& command);
  void rename_group(const Command& command, const std::string& group);
  void burst(const Command& command, const std::string& group);
  void classes(const Command& command);
  void edit_group(const Command& command, const std::string& group);
  void read_group(const std::string& group);
  /// Compares all that a look at a group saw with what is believed; what it did not see was lost.
  void check_seen(const std::string& group, const std::map<std::string, std::string>& seen,
                  std::string_view how);
  static SetOptions options_of(const Command& command);
  static GroupLimits limits_from(const Command& command);

  // --- the books ------------------------------------------------------------------------------

  void watch_pressure() {
    const Stats stats = cache_.stats();
    if (stats.charged_bytes > stats.memory_limit) fail("charged more than memory_limit");
    if (stats.charged_bytes >= stats.memory_limit / 10 * 7) pressed_ = true;
    if (setup_.max_entries != 0 && stats.entries >= setup_.max_entries / 10 * 9) pressed_ = true;
    if (stats.removal_events_lost != 0) blind_ = true;
  }

  void check_balance() {
    if (!failure_.empty()) return;
    std::string why;
    // With a thread of its own the cache may be in the middle of something.
    for (int attempt = 0; attempt < (setup_.maintenance == Maintenance::manual ? 1 : 1000);
         ++attempt) {
      why = imbalance(cache_);
      if (why.empty()) return;
      run_ticks();
      std::this_thread::yield();
    }
    fail("the books do not balance: " + why);
  }

  void run_ticks() {
    for (int round = 0; cache_.tick(10'000) == 10'000; ++round) {
      if (round > 10'000) return fail("tick() does not end");
    }
  }

  /// Entries removed after which events are taken out of the ring, whatever the commands say.
  static constexpr std::uint64_t k_undrained_max = 200;
  [[nodiscard]] std::uint64_t removed() const {
    const Stats stats = cache_.stats();
    std::uint64_t all = 0;
    for (const std::uint64_t count : stats.removals)
      all += count;
    return all;
  }
  void drain(bool last = false);
  void match_events(bool last);
  void match_field(const std::string& field, std::vector<Event>& events, std::vector<Ended>& lives,
                   bool last);
  [[nodiscard]] bool may_explain(const Event& event, const Ended& life) const {
    if (!life.names.contains(event.group)) return false;
    switch (event.cause) {
      case RemovalCause::evicted:
        return setup_.names_collide || (setup_.may_evict && pressed_);
      case RemovalCause::expired:
        return life.expired;
      case RemovalCause::erased:
        return life.erased;
      case RemovalCause::limit:
        return life.limited;
      case RemovalCause::replaced:
        break;
    }
    return false;
  }

  ModelSetup setup_;
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();
  GroupLimits defaults_;
  Cache cache_;

  std::map<std::string, Group> groups_;
  std::map<std::string, std::vector<Ended>> ended_;  ///< by field
  std::vector<Scan> scans_;
  std::uint64_t lives_ = 0;
  std::uint64_t replaced_ = 0;
  std::uint64_t commands_ = 0;
  bool limited_ = setup_.group.max_fields != 0 || setup_.group.max_bytes != 0;
  std::uint64_t least_class_max_ = UINT64_MAX;  ///< that any class ever had
  bool pressed_ = false;  ///< the cache was full at some moment since the last drain
  std::uint64_t removed_when_drained_ = 0;
  bool blind_ = false;  ///< the ring overflowed: events can no longer be matched
  std::string failure_;
};

/// Runs a sequence from an empty cache; answers what went wrong, or nothing.
inline std::string run_model(const ModelSetup& setup, const std::vector<Command>& commands) {
  Model model(setup);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!model.apply(commands[i])) return "command " + std::to_string(i) + ": " + model.failure();
  }
  return model.finish() ? "" : "at the end: " + model.failure();
}

}  // namespace ullage::test

#include "model_books.h"
#include "model_commands.h"
