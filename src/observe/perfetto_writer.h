// Perfetto's trace format, as much of it as we write.
// https://perfetto.dev/docs/reference/trace-packet-proto
#pragma once

#include "observe/proto_writer.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ullage::observe {

/// Not thread-safe. Tracks first, then what lies on them.
class PerfettoWriter {
 public:
  /// Numbers that nobody else in the trace has.
  using TrackId = std::uint64_t;

  void process(TrackId track, std::uint32_t pid, std::string_view name);
  void thread(TrackId track, TrackId process, std::uint32_t pid, std::uint32_t tid,
              std::string_view name);
  void counter_track(TrackId track, TrackId process, std::string_view name);

  struct Argument {
    std::string_view name;
    std::uint64_t number = 0;
    std::string_view text{};  ///< instead of the number, if it is not empty
  };
  struct Slice {
    std::string_view name;
    std::string_view category;
    std::uint64_t flow = 0;  ///< 0: none
    std::span<const Argument> arguments{};
  };
  void begin(TrackId track, std::int64_t at_ns, const Slice& slice);
  void end(TrackId track, std::int64_t at_ns);
  void instant(TrackId track, std::int64_t at_ns, const Slice& slice);
  void value(TrackId track, std::int64_t at_ns, std::uint64_t value);

  [[nodiscard]] std::string text() && { return std::move(trace_).text(); }

 private:
  void event(TrackId track, std::int64_t at_ns, std::uint64_t type, const Slice* slice);
  void add(ProtoWriter packet);

  ProtoWriter trace_;
  bool is_first_ = true;
};

}  // namespace ullage::observe
