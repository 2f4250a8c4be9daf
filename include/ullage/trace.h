// What a cache does beside its callers' calls, as it happens: for traces. Cache::set_trace().
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ullage {

enum class TraceKind : std::uint8_t {
  evict,         ///< entries went to make room, or for a limit
  expire,        ///< entries went because their time had come
  make_room,     ///< the cache was full: a call made room, and whatever it did for that
  gather,        ///< pages of a sparse slab were moved elsewhere
  slab_emptied,  ///< one had no page left
  split,         ///< a page had become too large and became two
  drop_group,    ///< a large group went, and its pages are owed
  free_pages,    ///< pages of such a group were freed
  sweep,         ///< fields whose time had come were looked for
  no_room,       ///< a call was refused, since no room could be made within its bound
  other,         ///< what the program does itself: it has a name of its own
};
inline constexpr std::size_t k_trace_kinds = 11;

/// "evict", "make_room", ...
[[nodiscard]] std::string_view to_string(TraceKind kind) noexcept;

struct TraceEvent {
  TraceKind kind = TraceKind::evict;
  std::int64_t began_ns = 0;  ///< of the steady clock
  std::int64_t took_ns = 0;   ///< 0: a moment
  std::uint64_t entries = 0;  ///< that it was about
  std::uint64_t bytes = 0;    ///< of their payload, or of the pages
  /// Events of one cause have the same: a dropped group, and the freeing of its pages. 0: none.
  std::uint64_t flow = 0;
  std::string_view name{};  ///< of `other`, valid during the call
  std::uint64_t code = 0;   ///< an address in the function that it is about; 0: none
};

class TraceSink {
 public:
  virtual ~TraceSink() = default;
  /// Called on the thread that did it, under locks of the cache: must be quick, and must not call
  /// the cache.
  virtual void on_event(const TraceEvent& event) noexcept = 0;
};

/// Where somebody tells what he does, if anybody wants to hear: the cache, or a program of its own.
/// Costs a load where nobody does.
class TraceHook {
 public:
  /// Null: nobody. Waits until nobody is being told any more: then the one before may go.
  void set(TraceSink* sink) noexcept;

  [[nodiscard]] bool is_on() const noexcept {
    return sink_.load(std::memory_order_relaxed) != nullptr;
  }
  void tell(const TraceEvent& event) const noexcept;
  /// A moment.
  void tell(TraceKind kind, std::uint64_t entries, std::uint64_t bytes,
            std::uint64_t flow = 0) const noexcept {
    if (!is_on()) return;
    tell({.kind = kind,
          .began_ns = now_ns(),
          .took_ns = 0,
          .entries = entries,
          .bytes = bytes,
          .flow = flow,
          .name = {},
          .code = 0});
  }
  [[nodiscard]] static std::int64_t now_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

 private:
  std::atomic<TraceSink*> sink_{nullptr};
  mutable std::atomic<int> telling_{0};
};

/// From here to the end of the scope, told at its end; nothing, unless it was asked to.
class TraceSpan {
 public:
  TraceSpan(const TraceHook& hook, TraceKind kind) noexcept
      : hook_(hook), is_on_(hook.is_on()), event_(event_of(kind)) {
    if (is_on_) [[unlikely]]
      event_.began_ns = TraceHook::now_ns();
  }
  /// A span of the program's own: `name` must outlive it.
  TraceSpan(const TraceHook& hook, std::string_view name) noexcept
      : TraceSpan(hook, TraceKind::other) {
    event_.name = name;
  }
  ~TraceSpan() {
    if (is_on_ && is_worth_it_) [[unlikely]]
      end();
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

  void about(std::uint64_t entries, std::uint64_t bytes, std::uint64_t flow = 0) noexcept {
    event_.entries = entries;
    event_.bytes = bytes;
    event_.flow = flow;
  }
  /// Nothing was done.
  void forget() noexcept { is_worth_it_ = false; }

 private:
  static TraceEvent event_of(TraceKind kind) noexcept {
    TraceEvent event;
    event.kind = kind;
    return event;
  }
  void end() noexcept;

  const TraceHook& hook_;
  const bool is_on_;
  bool is_worth_it_ = true;
  TraceEvent event_;
};

}  // namespace ullage
