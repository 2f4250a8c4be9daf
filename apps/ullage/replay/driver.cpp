#include "replay/driver.h"

#include "base/child.h"
#include "base/failure.h"
#include "base/resident.h"
#include "replay/batch.h"
#include "replay/progress.h"
#include "replay/sampler.h"
#include "replay/target.h"
#include "replay/workers.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace ullage::app {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Small, so that short traces have enough samples and the cache's maintenance is done often ...
constexpr std::size_t k_batch_alone = 128;
// ... but with several threads each round costs two barriers.
constexpr std::size_t k_batch_shared = 1024;
constexpr std::size_t k_samples_max = 512;
constexpr std::size_t k_role_samples_max = 128;
// Accounting walks the whole cache: it may take this share of the run's time, and samples thin out
// beyond it.
constexpr double k_account_share_max = 0.1;

double since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

std::unique_ptr<Target> make_target(const ReplayOptions& options, const ValuePattern& pattern) {
  if (options.policy == k_naive_policy) return make_naive_target(pattern);
  if (options.policy.starts_with("sim:")) return make_simulator_target(options);
  return make_engine_target(options, pattern);
}

// One run: what is measured, and when.
class Run {
 public:
  Run(const Workload& workload, const ReplayOptions& options, bool show_progress)
      : options_(options),
        threads_(options.policy == k_naive_policy ? 1
                                                  : std::max<std::uint64_t>(options.threads, 1)),
        batch_requests_(threads_ == 1 ? k_batch_alone : k_batch_shared),
        source_(open_workload(workload, options)),
        preparer_(*source_, options),
        pattern_(value_max_of(options)),
        samples_(k_samples_max, batch_requests_),
        role_samples_(k_role_samples_max, batch_requests_),
        progress_(show_progress, options.policy) {
    result_.trace = workload.name;
    result_.path = workload.path;
    result_.format = workload.format;
    result_.policy = options.policy;
    if (options.policy != k_naive_policy) {
      result_.memory_limit = options.memory_limit.value_or(0);
      result_.max_entries = options.max_entries.value_or(0);
    }
    result_.threads = threads_;
  }

  ReplayResult operator()() {
    begin_ = SteadyClock::now();
    if (threads_ == 1) {
      run_alone();
    } else {
      run_shared();
    }
    return std::move(result_);
  }

 private:
  // From here on, what the process adds is the target's.
  void open_target() {
    prefault_program();
    result_.resident_baseline_bytes = resident_bytes();
    (void)reset_resident_peak();  // where it cannot be reset, the peak is that of the preparation
                                  // at least
    target_ = make_target(options_, pattern_);
  }

  void run_alone() {
    Batch batch(batch_requests_);
    Worker worker(pattern_bytes());
    const std::vector<const Worker*> workers = {&worker};
    bool more = batch.fill(preparer_);
    open_target();
    while (more) {
      result_.cache_seconds += replay_batch(batch, *target_, worker, true);
      result_.cache_seconds += care();
      observe(workers);
      more = batch.fill(preparer_);
    }
    finish(workers);
  }

  void run_shared() {
    std::vector<Batch> now;
    std::vector<Batch> next;
    for (std::uint64_t index = 0; index < threads_; ++index) {
      now.emplace_back(batch_requests_);
      next.emplace_back(batch_requests_);
    }
    std::size_t count = fill(now);  // before the threads start: opening a trace may fork
    Workers pool(static_cast<std::size_t>(threads_), pattern_bytes());
    std::vector<const Worker*> workers;
    for (const auto& worker : pool.all())
      workers.push_back(worker.get());
    open_target();
    while (count != 0) {
      target_->advance_to(now.front().requests().front().request.time_ms);
      pool.start(now, count, *target_);
      std::size_t next_count = 0;
      try {
        next_count = fill(next);
      } catch (...) {
        pool.finish();  // the workers read `now`, which is about to go
        throw;
      }
      result_.cache_seconds += pool.finish();
      result_.cache_seconds += care();
      observe(workers);
      std::swap(now, next);
      count = next_count;
    }
    finish(workers);
  }

  std::size_t fill(std::vector<Batch>& batches) {
    std::size_t count = 0;
    while (count < batches.size() && batches[count].fill(preparer_))
      ++count;
    return count;
  }

  std::size_t pattern_bytes() const { return value_max_of(options_); }

  double care() {
    if (options_.background_maintenance) return 0;
    const auto begin = SteadyClock::now();
    target_->care();
    return since(begin);
  }

  void observe(const std::vector<const Worker*>& workers) {
    gather(workers);
    progress_.update(share_done(), result_.requests, result_.hits);
    const std::uint64_t position = result_.operations;
    if (!samples_.due(position)) return;
    const auto begin = SteadyClock::now();
    take_sample();
    if (role_samples_.due(position) && account_seconds_ <= k_account_share_max * since(begin_))
      take_roles();
    observing_seconds_ += since(begin);
  }

  double share_done() const {
    if (options_.requests == 0) return source_->progress();
    return std::max(source_->progress(), static_cast<double>(preparer_.taken()) /
                                             static_cast<double>(options_.requests));
  }

  void gather(const std::vector<const Worker*>& workers) {
    result_.operations = result_.requests = result_.hits = result_.requested_bytes =
        result_.missed_bytes = 0;
    result_.bypassed = result_.refused = 0;
    for (const Worker* worker : workers) {
      if (!worker->lie.empty()) throw Failure(fmt::format("verification failed: {}", worker->lie));
      result_.operations += worker->operations;
      result_.requests += worker->requests;
      result_.hits += worker->hits;
      result_.requested_bytes += worker->requested_bytes;
      result_.missed_bytes += worker->missed_bytes;
      result_.bypassed += worker->bypassed;
      result_.refused += worker->refused;
      if (result_.refusal.empty()) result_.refusal = worker->refusal;
    }
    result_.misses = result_.requests - result_.hits;
  }

  void take_sample() {
    target_->read(result_);
    if (result_.operations == sampled_at_) return;  // the last batch may end where the run does
    sampled_at_ = result_.operations;
    const std::uint64_t evicted = result_.removals[0] + result_.removals[4];
    samples_.add(result_.operations, {result_.requests, result_.hits, resident_bytes(),
                                      result_.charged_bytes, result_.entries, evicted});
  }

  // The account may use memory of its own for a moment. That is the observer's, so the peak is
  // noted before and starts anew after.
  void take_roles() {
    const auto begin = SteadyClock::now();
    note_peak();
    if (target_->account(result_)) {
      return_free_memory();  // what the account freed must not stay as if the cache had it
      if (result_.operations != accounted_at_) {
        accounted_at_ = result_.operations;
        role_samples_.add(result_.operations, {result_.requests, result_.roles});
      }
    }
    (void)reset_resident_peak();
    account_seconds_ += since(begin);
  }

  void note_peak() {
    result_.resident_peak_bytes = std::max(result_.resident_peak_bytes, resident_peak_bytes());
  }

  void finish(const std::vector<const Worker*>& workers) {
    gather(workers);
    result_.seconds = since(begin_) - observing_seconds_;
    note_peak();
    take_sample();
    take_roles();
    result_.resident_final_bytes = resident_bytes();
    result_.unsized_requests = preparer_.unsized();
    if (result_.unsized_requests != 0)
      result_.unsized_rule = options_.unsized.value_or(SizeRule{}).describe();
    result_.skipped = source_->skipped();
    result_.samples = samples_.take();
    result_.role_samples = role_samples_.take();
    if (result_.samples.empty()) result_.samples.push_back({});
  }

  const ReplayOptions& options_;
  const std::uint64_t threads_;
  const std::size_t batch_requests_;
  std::unique_ptr<RequestSource> source_;
  Preparer preparer_;
  ValuePattern pattern_;
  Sampler<Sample> samples_;
  Sampler<RoleSample> role_samples_;
  Progress progress_;
  std::unique_ptr<Target> target_;
  ReplayResult result_;
  SteadyClock::time_point begin_;
  std::uint64_t sampled_at_ = 0;    // operations at the last sample ...
  std::uint64_t accounted_at_ = 0;  // ... and at the last account
  double observing_seconds_ = 0;
  double account_seconds_ = 0;
};

}  // namespace

ReplayResult run_replay(const Workload& workload, const ReplayOptions& options,
                        bool show_progress) {
  return Run(workload, options, show_progress)();
}

ReplayResult run_replay_in_child(const Workload& workload, const ReplayOptions& options,
                                 bool show_progress) {
  return unpack(run_in_child([&] { return pack(run_replay(workload, options, show_progress)); }));
}

}  // namespace ullage::app
