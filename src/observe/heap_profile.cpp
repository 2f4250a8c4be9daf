#include <ullage/observe/allocator.h>
#include <ullage/observe/heap_profile.h>
#include <ullage/observe/trace.h>

#include "observe/allocation_frame.h"
#include "observe/code_profile.h"
#include "observe/heap_dump.h"
#include "observe/heap_samples.h"
#include "observe/jemalloc.h"
#include "observe/stack_walk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace ullage::observe {

namespace {

// --- sampling ---

// The allocator calls a plain function: what that needs to know it finds here.
constinit StackWalk g_heap_walk;

constinit TraceHook g_allocation_trace;

std::uint64_t sampled_every_bytes() noexcept;

/// What an allocation that was sampled stands for.
std::uint64_t stands_for(std::size_t bytes, std::uint64_t rate) noexcept {
  if (bytes == 0) return rate;  // nobody has said how large it is
  const double share = -std::expm1(-static_cast<double>(bytes) / static_cast<double>(rate));
  return static_cast<std::uint64_t>(static_cast<double>(bytes) / share);
}

void on_sample(void** addresses, unsigned* count, unsigned most) {
  *count = static_cast<unsigned>(g_heap_walk.capture(t_allocation.frame, {addresses, most}));
  if (!g_allocation_trace.is_on() || *count == 0) [[likely]]
    return;
  TraceEvent event;
  event.kind = TraceKind::other;
  event.began_ns = TraceHook::now_ns();
  event.bytes =
      stands_for(t_allocation.frame == nullptr ? 0 : t_allocation.bytes, sampled_every_bytes());
  event.name = "allocation";
  // From plain malloc() the first frames are ours and the allocator's.
  if (t_allocation.frame != nullptr)
    event.code = call_before(reinterpret_cast<std::uint64_t>(addresses[0]));
  g_allocation_trace.tell(event);
}

unsigned log2_of(std::uint64_t bytes) noexcept {
  return static_cast<unsigned>(std::bit_width(bytes)) - 1;
}

std::uint64_t sampled_every_bytes() noexcept {
  return std::uint64_t{1} << (jemalloc::read<std::size_t>("prof.lg_sample").value_or(0) & 63);
}

std::int64_t rounded(double value) noexcept {
  return static_cast<std::int64_t>(std::llround(value));
}

}  // namespace

void set_allocation_trace(TraceSink* sink) noexcept {
  g_allocation_trace.set(sink);
}

bool install_heap_hook() noexcept {
  using Hook = void (*)(void** addresses, unsigned* count, unsigned most);
  if (sampling_problem() != nullptr) return false;
  g_heap_walk.set_code(program_code());
  const Hook hook = on_sample;
  return jemalloc::write("experimental.hooks.prof_backtrace", hook);
}

HeapSampling heap_sampling() {
  if (const char* const problem = sampling_problem()) return {.problem = problem};
  return {.is_available = true,
          .problem = {},
          .is_active = jemalloc::read<bool>("prof.active").value_or(false),
          .sample_bytes = sampled_every_bytes()};
}

Result<void> set_heap_sampling(std::uint64_t sample_bytes) {
  if (const char* const problem = sampling_problem()) return Error{Errc::system, problem};
  if (sample_bytes != 0 &&
      (sample_bytes < k_heap_sample_min_bytes || sample_bytes > k_heap_sample_max_bytes)) {
    return Error{Errc::invalid_argument, "the distance of samples is 0 or " +
                                             std::to_string(k_heap_sample_min_bytes) + " to " +
                                             std::to_string(k_heap_sample_max_bytes) +
                                             " bytes, not " + std::to_string(sample_bytes)};
  }
  static std::mutex one_at_a_time;  // between the look at the distance and its change
  const std::scoped_lock lock(one_at_a_time);
  bool done = true;
  if (sample_bytes != 0 && log2_of(sample_bytes) != log2_of(sampled_every_bytes()))
    done = jemalloc::write("prof.reset", std::size_t{log2_of(sample_bytes)});
  done = done && jemalloc::write("prof.active", sample_bytes != 0);
  if (!done) return Error{Errc::system, "the allocator refused to change its sampling"};
  return {};
}

class HeapProfiler::Gathered {
 public:
  Gathered(const HeapProfileOptions& options, HeapDump dump)
      : options_(options), dump_(std::move(dump)) {
    for (HeapStack& stack : dump_.stacks) {
      for (std::uint64_t& address : stack.addresses) {
        address = call_before(address);
        names_.add(address);
      }
    }
  }

  bool step() { return names_.step(); }

  [[nodiscard]] HeapProfile finish() const {
    constexpr std::array<Profile::ValueType, 4> k_types{{{"alloc_objects", "count"},
                                                         {"alloc_space", "bytes"},
                                                         {"inuse_objects", "count"},
                                                         {"inuse_space", "bytes"}}};
    HeapProfile made;
    CodeProfile code(names_, k_types);
    for (const HeapStack& stack : dump_.stacks) {
      const Unsampled all =
          unsampled(stack.counts.all_objects, stack.counts.all_bytes, dump_.sample_bytes);
      const Unsampled live =
          unsampled(stack.counts.live_objects, stack.counts.live_bytes, dump_.sample_bytes);
      made.all_bytes += all.bytes;
      made.live_bytes += live.bytes;
      code.add(std::span(stack.addresses).subspan(frames_to_trim(names_, stack.addresses)),
               std::array{rounded(all.objects), rounded(all.bytes), rounded(live.objects),
                          rounded(live.bytes)});
    }
    Profile& profile = code.profile();
    profile.set_time(options_.unix_ns, 0);
    profile.set_period({"space", "bytes"}, static_cast<std::int64_t>(dump_.sample_bytes));
    profile.set_default_type(options_.shows_all ? "alloc_space" : "inuse_space");
    made.samples = profile.samples();
    made.gzipped = profile.encode_gzipped();
    return made;
  }

  [[nodiscard]] std::string text(std::size_t bytes_max) const {
    struct Shown {
      const HeapStack* stack;
      Unsampled live;
      Unsampled all;
    };
    Unsampled live_sum;
    Unsampled all_sum;
    std::vector<Shown> largest;
    for (const HeapStack& stack : dump_.stacks) {
      const auto& counts = stack.counts;
      const Unsampled live = unsampled(counts.live_objects, counts.live_bytes, dump_.sample_bytes);
      const Unsampled all = unsampled(counts.all_objects, counts.all_bytes, dump_.sample_bytes);
      live_sum = {live_sum.objects + live.objects, live_sum.bytes + live.bytes};
      all_sum = {all_sum.objects + all.objects, all_sum.bytes + all.bytes};
      largest.push_back({.stack = &stack, .live = live, .all = all});
    }
    std::ranges::sort(largest, std::greater<>{}, [](const Shown& one) { return one.live.bytes; });
    std::string text = "heap profile: " + counts_text(live_sum, all_sum) +
                       " @ heapprofile\n# sampled: one in " + std::to_string(dump_.sample_bytes) +
                       " bytes; figures are scaled to all\n";
    for (auto one = largest.begin(); one != largest.end(); ++one) {
      if (text.size() > bytes_max) {
        text += "# and " + std::to_string(largest.end() - one) + " more that hold less\n";
        break;
      }
      const std::vector<std::uint64_t>& addresses = one->stack->addresses;
      const auto calls = std::span(addresses).subspan(frames_to_trim(names_, addresses));
      text += counts_text(one->live, one->all) + " @";
      for (const std::uint64_t call : calls) {
        char address[24];
        std::snprintf(address, sizeof address, " 0x%llx", static_cast<unsigned long long>(call));
        text += address;
      }
      text += '\n';
      append_frames(text, names_, calls);
      text += '\n';
    }
    return text;
  }

 private:
  static std::string counts_text(const Unsampled& live, const Unsampled& all) {
    const auto number = [](double value) { return std::to_string(rounded(value)); };
    return number(live.objects) + ": " + number(live.bytes) + " [" + number(all.objects) + ": " +
           number(all.bytes) + "]";
  }

  HeapProfileOptions options_;
  HeapDump dump_;
  CodeNames names_;
};

HeapProfiler::HeapProfiler(std::unique_ptr<Gathered> gathered) noexcept
    : gathered_(std::move(gathered)) {}
HeapProfiler::~HeapProfiler() = default;
HeapProfiler::HeapProfiler(HeapProfiler&&) noexcept = default;
HeapProfiler& HeapProfiler::operator=(HeapProfiler&&) noexcept = default;

Result<HeapProfiler> HeapProfiler::begin(const HeapProfileOptions& options) {
  if (const char* const problem = sampling_problem()) return Error{Errc::system, problem};
  if (options.shows_all && !jemalloc::read<bool>("opt.prof_accum").value_or(false)) {
    return Error{Errc::system,
                 "what was ever allocated is not counted: jemalloc was started without "
                 "prof_accum:true"};
  }
  if (options.purges) release_free_memory();
  auto dump = take_heap_dump(k_dump_max_bytes, options.may_hold);
  if (!dump) return dump.error();
  if (dump->stacks.empty()) {
    const HeapSampling sampling = heap_sampling();
    return Error{Errc::busy, sampling.is_active ? "nothing was sampled yet: of about every " +
                                                      std::to_string(sampling.sample_bytes) +
                                                      " bytes that are allocated one allocation is"
                                                : "nothing was sampled: sampling is switched off"};
  }
  return HeapProfiler(std::make_unique<Gathered>(options, std::move(*dump)));
}

bool HeapProfiler::step() {
  return gathered_->step();
}
HeapProfile HeapProfiler::finish() {
  return gathered_->finish();
}
std::string HeapProfiler::text(std::size_t bytes_max) const {
  return gathered_->text(bytes_max);
}

Result<HeapProfile> heap_profile(const HeapProfileOptions& options) {
  auto profiler = HeapProfiler::begin(options);
  if (!profiler) return profiler.error();
  while (!profiler->step()) {
  }
  return profiler->finish();
}

}  // namespace ullage::observe
