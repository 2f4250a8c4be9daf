// Our cache, through its public interface alone.
#include <ullage/cache.h>

#include "base/failure.h"
#include "replay/target.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace ullage::app {
namespace {

// Steps per batch of requests: enough to keep up, few enough not to show.
constexpr std::size_t k_care_steps = 256;

Cache open_cache(const ReplayOptions& options, std::shared_ptr<ManualClock> clock) {
  Options cache;
  cache.memory_limit =
      static_cast<std::size_t>(options.memory_limit.value_or(k_memory_limit_trace));
  cache.max_entries = options.max_entries.value_or(0);
  cache.max_value_bytes = value_max_of(options);
  cache.policy = options.policy == "lru" ? Policy::lru : Policy::adaptive;
  cache.maintenance = options.background_maintenance ? Maintenance::thread : Maintenance::manual;
  cache.clock = std::move(clock);
  // Fixed keys and an injected clock: the same replay gives the same answer, request by request.
  cache.hash_key[0] = options.seed * 2 + 1;
  cache.hash_key[1] = ~options.seed;
  cache.random_seed = options.seed == 0 ? 1 : options.seed;
  auto opened = Cache::open(std::move(cache));
  if (!opened) throw Failure(fmt::format("cannot open the cache: {}", opened.error().message));
  return std::move(opened).value();
}

class EngineTarget final : public Target {
 public:
  EngineTarget(const ReplayOptions& options, const ValuePattern& pattern)
      : value_max_(value_max_of(options)),
        verify_(options.verify),
        pattern_(pattern),
        clock_(std::make_shared<ManualClock>()),
        cache_(open_cache(options, clock_)) {}

  bool lookup(const PreparedRequest& prepared, Worker& worker) override {
    const Request& request = prepared.request;
    const auto size = cache_.get_into(request.group, request.field, worker.buffer);
    if (!size) {
      store(prepared, worker);
      return false;
    }
    if (verify_) verify(prepared, *size, worker);
    return true;
  }

  void store(const PreparedRequest& prepared, Worker& worker) override {
    const Request& request = prepared.request;
    if (request.size > value_max_) {
      ++worker.bypassed;
      return;
    }
    SetOptions how;
    if (request.ttl_ms != 0) how.ttl = Millis(static_cast<std::int64_t>(request.ttl_ms));
    const auto set =
        cache_.set(request.group, request.field, pattern_.value(prepared.id, request.size), how);
    if (set) return;
    if (worker.refused++ == 0)
      worker.refusal = fmt::format("{}: {}", to_string(set.error().code), set.error().message);
  }

  void erase(const PreparedRequest& prepared) override {
    cache_.erase(prepared.request.group, prepared.request.field);
  }

  void advance_to(std::int64_t time_ms) override {
    if (time_ms <= time_ms_) return;
    clock_->advance(Millis(time_ms - time_ms_));
    time_ms_ = time_ms;
  }

  void care() override { cache_.tick(k_care_steps); }

  void read(ReplayResult& result) const override {
    const Stats stats = cache_.stats();
    result.entries = stats.entries;
    result.groups = stats.groups;
    result.charged_bytes = stats.charged_bytes;
    result.payload_bytes = stats.payload_bytes;
    static_assert(k_causes == k_removal_causes);
    result.removals = stats.removals;
  }

  bool account(ReplayResult& result) override {
    const Validation found = cache_.validate();
    result.roles = {found.roles.value, found.roles.field, found.roles.header, found.roles.index,
                    found.roles.slack};
    result.has_roles = true;
    result.findings = found.findings;
    if (!found.ok && found.findings.empty())
      result.findings.emplace_back("the books do not balance");
    return true;
  }

 private:
  void verify(const PreparedRequest& prepared, std::size_t size, Worker& worker) const {
    if (!worker.lie.empty()) return;
    // The size may be that of an earlier request; the bytes are those of this entry all the same.
    if (size <= worker.buffer.size() &&
        std::string_view(worker.buffer.data(), size) == pattern_.value(prepared.id, size)) {
      return;
    }
    worker.lie = fmt::format("a hit answered {} bytes that were never written to this entry", size);
  }

  const std::size_t value_max_;
  const bool verify_;
  const ValuePattern& pattern_;
  std::int64_t time_ms_ = 0;
  std::shared_ptr<ManualClock> clock_;
  Cache cache_;
};

}  // namespace

std::unique_ptr<Target> make_engine_target(const ReplayOptions& options,
                                           const ValuePattern& pattern) {
  return std::make_unique<EngineTarget>(options, pattern);
}

std::size_t value_max_of(const ReplayOptions& options) {
  const std::size_t wanted = options.max_value_bytes != 0
                                 ? static_cast<std::size_t>(options.max_value_bytes)
                                 : k_value_default_max_bytes;
  const auto limit = static_cast<std::size_t>(options.memory_limit.value_or(k_memory_limit_trace));
  // The default bends to the limit; a wish of the user's own does not, and the cache says so.
  return options.max_value_bytes != 0 ? wanted : std::min(wanted, limit / k_value_share_of_limit);
}

}  // namespace ullage::app
