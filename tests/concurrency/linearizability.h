// Checks that a recorded history of one entry is linearizable: that every call can be given a
// moment between its start and its end so that, in the order of these moments, each answer is
// right.
//
// After Wing and Gong, in the just-in-time form of Lowe: walk starts and ends in their order and
// keep all states that the entry may be in; a call takes effect at the latest at its end. The
// states are few, since at most one call of each thread is open.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ullage::test {

enum class Call : std::uint8_t {
  get,              ///< `seen` is the id read, 0 if absent
  contains,         ///< `done` says whether it was there
  set,              ///< writes `written`; `done` says whether it replaced
  set_if_absent,    ///< writes `written` if `done`
  erase,            ///< `done` says whether there was one
  drop,             ///< erase_group(): erases without an answer about this entry
  compare_and_set,  ///< from `seen` to `written` if `done`
  update,           ///< saw `seen` and wrote `written`
};

/// One call on one entry, with the values as ids; 0 is "absent".
struct Recorded {
  Call call = Call::get;
  std::uint32_t thread = 0;
  bool done = false;
  std::uint64_t seen = 0;
  std::uint64_t written = 0;
  std::uint64_t start = 0;  ///< moments of one counter that all threads share
  std::uint64_t end = 0;
};

inline std::string to_text(const Recorded& op) {
  constexpr const char* names[] = {"get",  "contains",        "set",   "set_if_absent", "erase",
                                   "drop", "compare_and_set", "update"};
  return "[" + std::to_string(op.start) + ".." + std::to_string(op.end) + "] thread " +
         std::to_string(op.thread) + " " + names[static_cast<std::size_t>(op.call)] + " seen " +
         std::to_string(op.seen) + " written " + std::to_string(op.written) +
         (op.done ? " done" : "");
}

/// What an entry may be after `op`, if `op` may happen at all when it is `value`.
inline bool may_happen(const Recorded& op, std::uint64_t value, std::uint64_t& after) {
  after = value;
  switch (op.call) {
    case Call::get:
      return op.seen == value;
    case Call::contains:
      return op.done == (value != 0);
    case Call::set:
      after = op.written;
      return op.done == (value != 0);
    case Call::set_if_absent:
      if (op.done) after = op.written;
      return op.done == (value == 0);
    case Call::erase:
      after = 0;
      return op.done == (value != 0);
    case Call::drop:
      after = 0;
      return true;
    case Call::compare_and_set:
      if (op.done) after = op.written;
      return op.done == (value != 0 && value == op.seen);
    case Call::update:
      after = op.written;
      return op.seen == value;
  }
  return false;
}

/// Empty if the history of one entry, absent at first, is linearizable; else the calls around the
/// one that no order explains. With `may_vanish` the entry may become absent at any moment by
/// itself.
inline std::string check_linearizable(std::vector<Recorded> history, bool may_vanish) {
  struct State {
    std::uint64_t value;
    std::uint64_t taken;  ///< bit by thread: its open call has taken effect
    auto operator<=>(const State&) const = default;
  };
  std::vector<std::pair<std::uint64_t, std::size_t>> moments;
  for (std::size_t i = 0; i < history.size(); ++i) {
    moments.emplace_back(history[i].start, i);
    moments.emplace_back(history[i].end, i);
  }
  std::sort(moments.begin(), moments.end());
  std::map<std::uint32_t, std::size_t> open;  // thread -> its call under way
  std::set<State> states{{0, 0}};
  std::vector<std::size_t> ended;

  for (const auto& [moment, index] : moments) {
    const Recorded& op = history[index];
    if (moment == op.start) {
      open[op.thread] = index;
      continue;
    }
    // All states that can be reached by letting open calls happen, this one among them.
    std::set<State> reached;
    std::vector<State> work(states.begin(), states.end());
    std::set<State> visited(states.begin(), states.end());
    const std::uint64_t mine = std::uint64_t{1} << op.thread;
    while (!work.empty()) {
      const State state = work.back();
      work.pop_back();
      if ((state.taken & mine) != 0) reached.insert({state.value, state.taken & ~mine});
      const auto follow = [&](State next) {
        if (visited.insert(next).second) work.push_back(next);
      };
      for (const auto& [thread, other] : open) {
        const std::uint64_t bit = std::uint64_t{1} << thread;
        std::uint64_t after = 0;
        if ((state.taken & bit) == 0 && may_happen(history[other], state.value, after))
          follow({after, state.taken | bit});
      }
      if (may_vanish && state.value != 0) follow({0, state.taken});
    }
    if (reached.empty()) {
      std::string why = "no order explains " + to_text(op) + "\nthe entry could be:";
      for (const State& state : states)
        why += " " + std::to_string(state.value);
      why += "\ncalls that ended before:";
      for (std::size_t i = ended.size() < 12 ? 0 : ended.size() - 12; i < ended.size(); ++i)
        why += "\n  " + to_text(history[ended[i]]);
      why += "\ncalls under way:";
      for (const auto& [thread, other] : open)
        why += "\n  " + to_text(history[other]);
      return why;
    }
    states = std::move(reached);
    open.erase(op.thread);
    ended.push_back(index);
  }
  return "";
}

}  // namespace ullage::test
