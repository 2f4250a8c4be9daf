// get_or_load: one flight per entry, negative results and failures remembered, refresh ahead of
// expiry.
//
// All of it lies beside the cache proper: a hit touches nothing here. Writers look at one counter
// and, only while something is in flight or remembered, tell the loader that an entry changed.
#pragma once

#include <ullage/options.h>
#include <ullage/result.h>
#include <ullage/value.h>

#include "engine/state.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>

namespace ullage::engine {

/// What a flight ends with.
struct Landed {
  Loaded::Kind kind = Loaded::Kind::failure;
  std::string value;
  std::string message;
};

/// What is loaded: an entry, or a group as a whole.
struct LoadSubject {
  LoadSubject(const Names& names) noexcept : group(names.group), field(names.field) {}  // NOLINT
  explicit LoadSubject(std::string_view whole) noexcept : group(whole) {}

  std::string_view group;
  std::optional<std::string_view> field{};  ///< none: the group
};

class Flights {
 public:
  /// Memories lie outside the arena: together they take at most so many bytes.
  Flights(State& state, std::size_t remembered_max, std::size_t remembered_max_bytes) noexcept
      : state_(state),
        remembered_max_(remembered_max),
        remembered_max_bytes_(remembered_max_bytes) {}

  struct Flight {
    std::thread::id pilot;
    bool landed = false;
    std::atomic<bool> overtaken{false};  ///< a write came during the load: it wins
    bool is_of_group = false;
    Landed result;
    std::string group;
  };
  struct Boarded {
    std::shared_ptr<Flight> flight;
    bool pilot = false;  ///< this caller loads and must land()
    std::optional<Error> error;
  };
  /// Joins the flight of an entry or group or starts one. Of a group's flight the pilot stores what
  /// it loads: its own writes do not overtake it. Errors: busy, reentered.
  Boarded board(const LoadSubject& subject);
  void land(const LoadSubject& subject, const std::shared_ptr<Flight>& flight, Landed result);
  Landed wait(const std::shared_ptr<Flight>& flight);

  /// A remembered "there is none" or failure, if its time has not ended.
  std::optional<Landed> remembered(const LoadSubject& subject);
  /// Nothing is remembered of a flight that was overtaken.
  void remember(const LoadSubject& subject, const Flight& flight, Loaded::Kind kind,
                const std::string& message, Millis ttl);

  /// Whether this caller is to have the entry refreshed: nobody else is. It must end_refresh().
  [[nodiscard]] bool begin_refresh(const Names& names);
  void end_refresh(const Names& names) noexcept;

  /// An entry, a group or everything changed: flights under way are overtaken, memories dropped.
  void entry_changed(const Names& names) noexcept {
    if (watching_.load(std::memory_order_acquire) != 0) entry_changed_slow(names);
  }
  void group_changed(std::string_view group) noexcept {
    if (watching_.load(std::memory_order_acquire) != 0) group_changed_slow(group);
  }
  void all_changed() noexcept;

 private:
  struct Memory {
    Loaded::Kind kind;
    std::string message;
    std::int64_t until_ms;
  };
  using Memories = std::unordered_map<std::string, Memory>;
  static constexpr std::size_t k_memory_bytes = 192;   // node, strings' heads, their allocations
  static constexpr std::size_t k_message_bytes = 256;  // a longer one is remembered cut
  static std::string group_key_of(std::string_view group);
  static std::string key_of(const LoadSubject& subject);
  static std::size_t bytes_of(const std::string& key, const std::string& message) noexcept {
    return key.size() + message.size() + k_memory_bytes;
  }
  static void overtake(Flight& flight) noexcept;
  // mutex_ is held; `at` may be the end.
  void forget(Memories::iterator at) noexcept;
  template <class Predicate>
  void forget_if(Predicate predicate) noexcept;
  void entry_changed_slow(const Names& names) noexcept;
  void group_changed_slow(std::string_view group) noexcept;
  void recount() noexcept {
    watching_.store(flights_.size() + memories_.size(), std::memory_order_release);
  }

  State& state_;
  const std::size_t remembered_max_;
  const std::size_t remembered_max_bytes_;
  std::atomic<std::size_t> watching_{0};
  std::mutex mutex_;  // a leaf; guards what follows
  std::condition_variable landed_;
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
  Memories memories_;
  std::size_t memory_bytes_ = 0;
  std::unordered_set<std::string> refreshes_;  // given to the executor and not yet done
};

}  // namespace ullage::engine
