#include <ullage/trace.h>

#include <algorithm>
#include <array>
#include <thread>

namespace ullage {

std::string_view to_string(TraceKind kind) noexcept {
  constexpr std::array<std::string_view, k_trace_kinds> k_names{
      "evict",      "expire",     "make_room", "gather",  "slab_emptied", "split",
      "drop_group", "free_pages", "sweep",     "no_room", "other"};
  const auto at = static_cast<std::size_t>(kind);
  return at < k_names.size() ? k_names[at] : "unknown";
}

// Sequentially consistent on both sides: either set() sees who is telling, or who is about to tell
// sees the new sink.
void TraceHook::set(TraceSink* sink) noexcept {
  sink_.store(sink, std::memory_order_seq_cst);
  while (telling_.load(std::memory_order_seq_cst) != 0)
    std::this_thread::yield();
}

void TraceHook::tell(const TraceEvent& event) const noexcept {
  telling_.fetch_add(1, std::memory_order_seq_cst);
  if (TraceSink* const sink = sink_.load(std::memory_order_seq_cst)) sink->on_event(event);
  telling_.fetch_sub(1, std::memory_order_release);  // pairs with the look in set()
}

void TraceSpan::end() noexcept {
  event_.took_ns = std::max<std::int64_t>(TraceHook::now_ns() - event_.began_ns, 1);
  hook_.tell(event_);
}

}  // namespace ullage
