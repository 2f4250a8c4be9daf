// Workloads that have made caches outgrow their limits: each offers a cache about `bytes` of names
// and values. Nothing here allocates while it runs, so that a reading of memory sees the cache
// alone.
#pragma once

#include <ullage/cache.h>

#include <cstdint>
#include <span>

namespace ullage::bench {

/// A cache under a scenario, and what it refused.
class Sink {
 public:
  static constexpr std::size_t k_value_max = 1 * k_mib;

  /// `values` has k_value_max bytes, which the sink writes to; `look(watcher)` is called now and
  /// then.
  Sink(Cache& cache, std::span<char> values, void (*look)(void*), void* watcher)
      : cache_(cache), values_(values), look_(look), watcher_(watcher) {}

  void set(std::uint64_t group, std::uint64_t field, std::size_t value_bytes,
           std::int64_t ttl_ms = 0);
  void erase(std::uint64_t group, std::uint64_t field);
  void erase_group(std::uint64_t group);

  [[nodiscard]] std::uint64_t offered() const { return offered_; }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  static constexpr std::uint64_t k_calls_a_look = 256;
  void step();

  Cache& cache_;
  std::span<char> values_;
  void (*look_)(void*);
  void* watcher_;
  std::uint64_t offered_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t refused_ = 0;
};

struct Scenario {
  const char* name;
  void (*run)(Sink& sink, std::uint64_t bytes);
};

/// The eight of the table.
std::span<const Scenario> scenarios();

}  // namespace ullage::bench
