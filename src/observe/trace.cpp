#include <ullage/observe/trace.h>

#include "observe/code_profile.h"
#include "observe/perfetto_writer.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <tuple>
#include <utility>

#include <sys/syscall.h>
#include <unistd.h>

namespace ullage::observe {

namespace {

constexpr std::int64_t k_share_ns = 100'000'000;
constexpr std::size_t k_shares_max = 4096;
constexpr PerfettoWriter::TrackId k_process_track = 1;
constexpr PerfettoWriter::TrackId k_first_counter_track = 1'000'000'000;

std::uint32_t thread_id() noexcept {
  constinit thread_local std::uint32_t id = 0;
  if (id == 0) id = static_cast<std::uint32_t>(::syscall(SYS_gettid));
  return id;
}

std::string thread_name(std::uint32_t id) {
  std::ifstream file("/proc/self/task/" + std::to_string(id) + "/comm");
  std::string name;
  std::getline(file, name);
  return name.empty() ? "thread that has ended" : name;
}

}  // namespace

struct TraceRecorder::Kept {
  static constexpr std::size_t k_name_max_bytes = 23;

  std::int64_t began_ns;
  std::int64_t took_ns;
  std::uint64_t entries;
  std::uint64_t bytes;
  std::uint64_t flow;
  std::uint64_t code;
  std::uint32_t thread;
  TraceKind kind;
  char name[k_name_max_bytes + 1];  // of what the program does itself

  [[nodiscard]] std::int64_t end_ns() const noexcept { return began_ns + took_ns; }
};

TraceRecorder::TraceRecorder(TraceOptions options)
    : options_(std::move(options)), began_ns_(TraceHook::now_ns()) {
  // So long that each kind has an event or two in a share, however few are kept.
  const std::size_t most = std::max<std::size_t>(options_.events_max / (4 * k_trace_kinds), 1);
  const std::int64_t duration_ns = std::max<std::int64_t>(options_.duration_ns, 1);
  const std::size_t shares = std::clamp<std::size_t>(
      static_cast<std::size_t>(duration_ns / k_share_ns), 1, std::min(most, k_shares_max));
  share_ns_ = (duration_ns - 1) / static_cast<std::int64_t>(shares) + 1;
  const std::size_t events_a_share = options_.events_max / shares;
  events_a_kind_ = events_a_share / 2 / k_trace_kinds;
  events_for_all_ = std::max<std::size_t>(events_a_share - events_a_kind_ * k_trace_kinds, 1);
  kept_.reset(new Kept[options_.events_max]);
  shares_.reset(new Share[shares + 1]);
  // What comes later than it is expected shares the last.
  options_.duration_ns = static_cast<std::int64_t>(shares) * share_ns_;
}
TraceRecorder::~TraceRecorder() = default;

std::size_t TraceRecorder::held_bytes(std::size_t events_max) noexcept {
  constexpr std::size_t k_text_bytes = 80;  // of an event, twice while it is put together
  return events_max * (sizeof(Kept) + 2 * k_text_bytes);
}

void TraceRecorder::on_event(const TraceEvent& event) noexcept {
  const std::int64_t since_ns =
      std::clamp<std::int64_t>(event.began_ns + event.took_ns - began_ns_, 0, options_.duration_ns);
  Share& share = shares_[static_cast<std::size_t>(since_ns / share_ns_)];
  auto& of_kind = share.of_kind[std::min(static_cast<std::size_t>(event.kind), k_trace_kinds - 1)];
  if (of_kind.fetch_add(1, std::memory_order_relaxed) >= events_a_kind_ &&
      share.of_all.fetch_add(1, std::memory_order_relaxed) >= events_for_all_) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::size_t place = next_.fetch_add(1, std::memory_order_relaxed);
  if (place >= options_.events_max) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Kept& kept = kept_[place];
  kept.began_ns = event.began_ns;
  kept.took_ns = event.took_ns;
  kept.entries = event.entries;
  kept.bytes = event.bytes;
  kept.flow = event.flow;
  kept.code = event.code;
  kept.thread = thread_id();
  kept.kind = event.kind;
  const std::size_t length = std::min(event.name.size(), Kept::k_name_max_bytes);
  std::copy_n(event.name.begin(), length, kept.name);
  kept.name[length] = '\0';
}

void TraceRecorder::counter(std::string_view name, std::uint64_t value) {
  const auto found = std::ranges::find(counters_, name);
  const auto number = static_cast<std::size_t>(found - counters_.begin());
  if (found == counters_.end()) counters_.emplace_back(name);
  values_.push_back({.at_ns = TraceHook::now_ns(), .counter = number, .value = value});
}

std::uint64_t TraceRecorder::kept() const noexcept {
  return std::min(next_.load(std::memory_order_relaxed), options_.events_max);
}
std::uint64_t TraceRecorder::lost() const noexcept {
  return lost_.load(std::memory_order_relaxed);
}

namespace {

/// Slices of one thread, in the order in which they began, with their ends in between: each lies in
/// those that are open.
class Nesting {
 public:
  Nesting(PerfettoWriter& out, PerfettoWriter::TrackId track) noexcept : out_(out), track_(track) {}
  void begin(std::int64_t at_ns, std::int64_t end_ns, const PerfettoWriter::Slice& slice) {
    close_until(at_ns);
    out_.begin(track_, at_ns, slice);
    ends_.push_back(end_ns);
  }
  void instant(std::int64_t at_ns, const PerfettoWriter::Slice& slice) {
    close_until(at_ns);
    out_.instant(track_, at_ns, slice);
  }
  void close_all() { close_until(INT64_MAX); }

 private:
  void close_until(std::int64_t at_ns) {
    while (!ends_.empty() && ends_.back() <= at_ns) {
      out_.end(track_, ends_.back());
      ends_.pop_back();
    }
  }
  PerfettoWriter& out_;
  PerfettoWriter::TrackId track_;
  std::vector<std::int64_t> ends_;
};

}  // namespace

bool TraceRecorder::step() {
  if (!names_) {
    names_ = std::make_unique<CodeNames>();
    for (const Kept& one : std::span(kept_.get(), kept())) {
      if (one.code != 0) names_->add(one.code);
    }
  }
  return names_->step();
}

std::string TraceRecorder::finish() {
  const std::span<Kept> events = std::span(kept_.get(), kept());
  // Of two that began at once the longer one is around the other.
  std::ranges::sort(events, [](const Kept& a, const Kept& b) {
    return std::tuple(a.thread, a.began_ns, -a.took_ns) <
           std::tuple(b.thread, b.began_ns, -b.took_ns);
  });
  while (!step()) {
  }
  const CodeNames& names = *names_;

  // A place in the cache that is free again is taken again: the same number is of another group.
  std::vector<std::pair<std::uint64_t, std::int64_t>> drops;
  for (const Kept& one : events) {
    if (one.kind == TraceKind::drop_group && one.flow != 0)
      drops.emplace_back(one.flow, one.end_ns());
  }
  std::ranges::sort(drops);
  const auto flow_of = [&](const Kept& one) -> std::uint64_t {
    if (one.flow == 0) return 0;
    const auto behind = std::ranges::upper_bound(drops, std::pair(one.flow, one.end_ns()));
    const bool is_seen = behind != drops.begin() && std::prev(behind)->first == one.flow;
    return is_seen ? static_cast<std::uint64_t>(behind - drops.begin()) : 0;
  };

  PerfettoWriter out;
  const auto pid = static_cast<std::uint32_t>(::getpid());
  out.process(k_process_track, pid, options_.process_name);
  if (lost() != 0) counter("events not kept", lost());
  for (std::size_t i = 0; i < counters_.size(); ++i)
    out.counter_track(k_first_counter_track + i, k_process_track, counters_[i]);
  for (const Value& value : values_)
    out.value(k_first_counter_track + value.counter, value.at_ns, value.value);

  for (auto at = events.begin(); at != events.end();) {
    const std::uint32_t thread = at->thread;
    const PerfettoWriter::TrackId track = k_process_track + 1 + thread;
    out.thread(track, k_process_track, pid, thread, thread_name(thread));
    Nesting nesting(out, track);
    for (; at != events.end() && at->thread == thread; ++at) {
      const bool is_own = at->kind == TraceKind::other;
      std::array<PerfettoWriter::Argument, 3> arguments;
      std::size_t count = 0;
      if (at->entries != 0) arguments[count++] = {.name = "entries", .number = at->entries};
      if (at->bytes != 0) arguments[count++] = {.name = "bytes", .number = at->bytes};
      const std::string_view function = at->code == 0 ? std::string_view() : names.name(at->code);
      if (!function.empty()) arguments[count++] = {.name = "function", .text = function};
      const PerfettoWriter::Slice slice{
          .name = is_own ? std::string_view(at->name) : to_string(at->kind),
          .category = is_own ? "program" : "cache",
          .flow = flow_of(*at),
          .arguments = std::span(arguments).first(count)};
      if (at->took_ns == 0) {
        nesting.instant(at->began_ns, slice);
      } else {
        nesting.begin(at->began_ns, at->end_ns(), slice);
      }
    }
    nesting.close_all();
  }
  return std::move(out).text();
}

}  // namespace ullage::observe
