#include <ullage/observe/cpu_profile.h>

#include "observe/code_profile.h"
#include "observe/stack_counts.h"
#include "observe/stack_walk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <ctime>
#include <thread>
#include <utility>
#include <vector>

#include <sys/time.h>
#include <ucontext.h>

namespace ullage::observe {

namespace {

// A signal handler finds what it needs here: the profile that is being made, and how many handlers
// are looking at it.
constinit std::atomic<StackCounts*> g_counts{nullptr};
constinit std::atomic<int> g_handlers{0};

void* interrupted_at(const void* context) noexcept {
#if defined(__x86_64__)
  const auto address = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  const auto address = static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#endif
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a register holds a number
  return reinterpret_cast<void*>(static_cast<std::uint64_t>(address));
}

/// SIGPROF. Frames of the handler and of the kernel's return lie before what was interrupted.
void on_timer(int /*signal*/, siginfo_t* /*info*/, void* context) {
  constexpr std::size_t k_frames_max = 64;
  const int error = errno;
  // Before the look, and sequentially consistent with stop(): either it is seen there, or the
  // handler sees that there is no profile any more.
  g_handlers.fetch_add(1, std::memory_order_seq_cst);
  if (StackCounts* const counts = g_counts.load(std::memory_order_seq_cst)) {
    std::array<void*, k_frames_max> frames;
    std::span<void*> stack = std::span(frames).first(unwind_stack(frames));
    void* const at = interrupted_at(context);
    const auto begin = std::ranges::find(stack, at);
    if (begin != stack.end()) {
      counts->add(stack.subspan(static_cast<std::size_t>(begin - stack.begin())));
    } else {
      counts->add({&at, 1});  // nobody says who called
    }
  }
  g_handlers.fetch_sub(1, std::memory_order_release);
  errno = error;
}

Error system_error(const char* what) {
  return {Errc::system, std::string(what) + ": " + std::strerror(errno)};
}

/// The handler stays once it is there: without one, a signal that is still on its way would end the
/// process.
Result<void> install_handler() {
  struct sigaction before{};
  ::sigaction(SIGPROF, nullptr, &before);
  const bool is_ours = (before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction == on_timer;
  if (is_ours) return {};
  const bool is_free = (before.sa_flags & SA_SIGINFO) == 0 &&
                       (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN);
  if (!is_free)
    return Error{Errc::busy, "the program handles SIGPROF itself: no CPU profile can be made"};
  struct sigaction ours{};
  ours.sa_sigaction = on_timer;
  ours.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigemptyset(&ours.sa_mask);
  if (::sigaction(SIGPROF, &ours, nullptr) != 0) return system_error("SIGPROF cannot be handled");
  return {};
}

}  // namespace

class CpuProfiler::Gathering {
 public:
  explicit Gathering(const CpuProfileOptions& options)
      : options_(options), counts_(options.stacks_max_bytes) {}
  ~Gathering() { stop(0); }
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  Result<void> begin() {
    StackCounts* none = nullptr;
    if (!g_counts.compare_exchange_strong(none, &counts_))
      return Error{Errc::busy, "a CPU profile is being made already"};
    is_sampling_ = true;
    if (const auto installed = install_handler(); !installed) return installed.error();
    itimerval others{};
    ::getitimer(ITIMER_PROF, &others);
    if (others.it_value.tv_sec != 0 || others.it_value.tv_usec != 0)
      return Error{Errc::busy, "the program uses the profiling timer itself"};
    // What its first use looks up is not to be looked up in a handler.
    std::array<void*, 4> frames;
    static_cast<void>(unwind_stack(frames));
    began_ns_ = processor_ns();
    // Not a timer of timer_create(): before Linux 6.4 those send to the main thread, whichever
    // runs.
    if (!set_timer(period_ns() / 1000)) return system_error("the profiling timer cannot be set");
    has_timer_ = true;
    return {};
  }

  void stop(std::int64_t duration_ns) {
    if (!is_sampling_) return;
    is_sampling_ = false;
    duration_ns_ = duration_ns;
    if (has_timer_) set_timer(0);
    used_ns_ = processor_ns() - began_ns_;
    g_counts.store(nullptr, std::memory_order_seq_cst);
    while (g_handlers.load(std::memory_order_seq_cst) != 0)
      std::this_thread::yield();
    counts_.for_each([this](std::span<const std::uint64_t> addresses, std::uint64_t /*count*/) {
      for (std::size_t i = 0; i < addresses.size(); ++i)
        names_.add(call_at(addresses, i));
    });
  }

  bool step() { return names_.step(); }
  [[nodiscard]] std::uint64_t samples() const noexcept { return counts_.added(); }

  [[nodiscard]] CpuProfile finish() const {
    constexpr std::array<Profile::ValueType, 2> k_types{
        {{"samples", "count"}, {"cpu", "nanoseconds"}}};
    CodeProfile code(names_, k_types);
    // The kernel looks at the timer once a tick at most: where more was asked for, a sample stands
    // for more than a period.
    const double ns_a_sample =
        static_cast<double>(used_ns_) / static_cast<double>(std::max<std::uint64_t>(taken(), 1));
    std::vector<std::uint64_t> calls;
    counts_.for_each([&](std::span<const std::uint64_t> addresses, std::uint64_t count) {
      calls.clear();
      for (std::size_t i = 0; i < addresses.size(); ++i)
        calls.push_back(call_at(addresses, i));
      const auto samples = static_cast<std::int64_t>(count);
      code.add(calls, std::array<std::int64_t, 2>{
                          samples, std::llround(static_cast<double>(samples) * ns_a_sample)});
    });
    Profile& profile = code.profile();
    profile.set_time(options_.unix_ns, duration_ns_);
    profile.set_period({"cpu", "nanoseconds"}, period_ns());
    profile.set_default_type("cpu");
    if (counts_.lost() != 0) {
      profile.add_comment(std::to_string(counts_.lost()) + " of " + std::to_string(taken()) +
                          " samples found no room and are not in it");
    }
    return {.gzipped = profile.encode_gzipped(),
            .samples = counts_.added(),
            .samples_lost = counts_.lost()};
  }

 private:
  [[nodiscard]] std::uint64_t taken() const noexcept { return counts_.added() + counts_.lost(); }
  /// Of all threads, so far.
  static std::int64_t processor_ns() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
  /// 0: none.
  static bool set_timer(long period_us) noexcept {
    constexpr long k_second_us = 1'000'000;
    itimerval times{};
    times.it_interval.tv_sec = period_us / k_second_us;
    times.it_interval.tv_usec = period_us % k_second_us;
    times.it_value = times.it_interval;
    return ::setitimer(ITIMER_PROF, &times, nullptr) == 0;
  }
  [[nodiscard]] long period_ns() const noexcept { return 1'000'000'000 / long{options_.hertz}; }
  /// The innermost was interrupted there; the others called.
  [[nodiscard]] static std::uint64_t call_at(std::span<const std::uint64_t> addresses,
                                             std::size_t i) noexcept {
    return i == 0 ? addresses[i] : call_before(addresses[i]);
  }

  CpuProfileOptions options_;
  StackCounts counts_;
  CodeNames names_;
  std::int64_t began_ns_ = 0;  // of processor time
  std::int64_t used_ns_ = 0;
  bool is_sampling_ = false;
  bool has_timer_ = false;
  std::int64_t duration_ns_ = 0;
};

CpuProfiler::CpuProfiler(std::unique_ptr<Gathering> gathering) noexcept
    : gathering_(std::move(gathering)) {}
CpuProfiler::~CpuProfiler() = default;
CpuProfiler::CpuProfiler(CpuProfiler&&) noexcept = default;
CpuProfiler& CpuProfiler::operator=(CpuProfiler&&) noexcept = default;

Result<CpuProfiler> CpuProfiler::begin(const CpuProfileOptions& options) {
  if (options.hertz == 0 || options.hertz > CpuProfileOptions::k_hertz_max) {
    return Error{Errc::invalid_argument, "samples a second are 1 to " +
                                             std::to_string(CpuProfileOptions::k_hertz_max) +
                                             ", not " + std::to_string(options.hertz)};
  }
  auto gathering = std::make_unique<Gathering>(options);
  if (const auto begun = gathering->begin(); !begun) return begun.error();
  return CpuProfiler(std::move(gathering));
}

void CpuProfiler::stop(std::int64_t duration_ns) {
  gathering_->stop(duration_ns);
}
std::uint64_t CpuProfiler::samples() const noexcept {
  return gathering_->samples();
}
bool CpuProfiler::step() {
  return gathering_->step();
}
CpuProfile CpuProfiler::finish() {
  return gathering_->finish();
}

}  // namespace ullage::observe
