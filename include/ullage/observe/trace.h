// A trace of what a process did for some seconds, as a file that the Perfetto UI opens
// (https://ui.perfetto.dev): a track for each thread, slices in slices, arrows between what belongs
// together, counters.
#pragma once

#include <ullage/trace.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::observe {

struct TraceOptions {
  /// How many events are kept. They are shared out evenly over the time, and half of them over the
  /// kinds, so that neither a busy moment nor what happens all the time costs the rest.
  std::size_t events_max = 16384;
  /// For how long events are expected.
  std::int64_t duration_ns = 5'000'000'000;
  std::string process_name = "ullage";
};

class CodeNames;

/// Give it to Cache::set_trace() and to TraceHooks of your own; take it from them again before
/// finish(). on_event() is thread-safe, allocates nothing and waits for nobody; the rest is for one
/// thread.
class TraceRecorder final : public TraceSink {
 public:
  explicit TraceRecorder(TraceOptions options);
  ~TraceRecorder() override;
  TraceRecorder(const TraceRecorder&) = delete;
  TraceRecorder& operator=(const TraceRecorder&) = delete;

  /// What one with so many events holds, and its finished text with it.
  [[nodiscard]] static std::size_t held_bytes(std::size_t events_max) noexcept;

  void on_event(const TraceEvent& event) noexcept override;
  /// A value at this moment, of a counter that is named. Names are kept as they are given.
  void counter(std::string_view name, std::uint64_t value);

  [[nodiscard]] std::uint64_t kept() const noexcept;
  /// Events that found no room in their share of the time.
  [[nodiscard]] std::uint64_t lost() const noexcept;
  /// When nobody tells any more: looks up the names of functions in one more of the files that are
  /// loaded; answers whether that was the last.
  bool step();
  /// The trace. Once; does the steps that are left.
  [[nodiscard]] std::string finish();

 private:
  struct Kept;
  struct Value {
    std::int64_t at_ns;
    std::size_t counter;
    std::uint64_t value;
  };

  TraceOptions options_;
  std::int64_t began_ns_;
  std::int64_t share_ns_;       // of the time
  std::size_t events_a_kind_;   // in each share of the time, for each kind
  std::size_t events_for_all_;  // and besides, for whoever comes
  std::unique_ptr<Kept[]> kept_;
  std::atomic<std::size_t> next_{0};
  struct Share {
    std::array<std::atomic<std::size_t>, k_trace_kinds> of_kind{};
    std::atomic<std::size_t> of_all{0};
  };
  std::unique_ptr<Share[]> shares_;
  std::atomic<std::uint64_t> lost_{0};
  std::vector<std::string> counters_;
  std::vector<Value> values_;
  std::unique_ptr<CodeNames> names_;  // since the first step
};

/// Tells `sink` of each allocation that the heap profile samples, until it is set to null: an event
/// named "allocation" with the function that asked, and the bytes that it stands for. Thread-safe;
/// one sink at a time. Where nothing is sampled, nothing is told.
void set_allocation_trace(TraceSink* sink) noexcept;

}  // namespace ullage::observe
