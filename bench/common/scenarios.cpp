#include "common/scenarios.h"

#include "common/workload.h"

#include <cstring>

namespace ullage::bench {

void Sink::set(std::uint64_t group, std::uint64_t field, std::size_t value_bytes,
               std::int64_t ttl_ms) {
  SetOptions options;
  if (ttl_ms > 0) options.ttl = Millis(ttl_ms);
  if (value_bytes >= sizeof calls_) std::memcpy(values_.data(), &calls_, sizeof calls_);
  const auto done =
      cache_.set(group_name(group), field_name(field), {values_.data(), value_bytes}, options);
  if (!done) ++refused_;
  offered_ += value_bytes + k_field_bytes;
  step();
}
void Sink::erase(std::uint64_t group, std::uint64_t field) {
  cache_.erase(group_name(group), field_name(field));
  step();
}
void Sink::erase_group(std::uint64_t group) {
  cache_.erase_group(group_name(group));
  step();
}
void Sink::step() {
  if (++calls_ % k_calls_a_look == 0) look_(watcher_);
}

namespace {

void growth_in_step(Sink& sink, std::uint64_t bytes) {
  constexpr std::uint64_t k_groups = 20'000;
  for (std::uint64_t i = 0; sink.offered() < bytes; ++i) {
    sink.set(i % k_groups, i / k_groups, 200);
  }
}

void shifting_sizes(Sink& sink, std::uint64_t bytes) {
  std::uint64_t i = 0;
  std::uint64_t until = 0;
  // A third of the bytes in each size would be millions of the smallest: it gets a tenth.
  for (const auto& [size, tenths] : {std::pair{100, 3}, {1024, 6}, {50, 1}}) {
    until += bytes / 10 * static_cast<std::uint64_t>(tenths);
    for (; sink.offered() < until; ++i)
      sink.set(i % 30'000, i, static_cast<std::size_t>(size));
  }
}

void one_giant_group(Sink& sink, std::uint64_t bytes) {
  for (std::uint64_t i = 0; sink.offered() < bytes; ++i)
    sink.set(0, i, 200);
}

void single_field_groups(Sink& sink, std::uint64_t bytes) {
  const std::size_t value = 640;  // a million of them are ten times the limit
  for (std::uint64_t i = 0; sink.offered() < bytes; ++i)
    sink.set(i, 0, value);
}

void churn(Sink& sink, std::uint64_t bytes) {
  Random random(41);
  while (sink.offered() < bytes) {
    const std::uint64_t group = random.below(3000);
    const std::uint64_t pick = random.below(1000);
    // The last tenth only inserts, so that the cache is full when its pages are counted.
    const bool deletes = sink.offered() < bytes / 10 * 9;
    if (deletes && pick < 300) {
      sink.erase(group, random.below(400));
    } else if (deletes && pick < 303) {
      sink.erase_group(group);
    } else {
      sink.set(group, random.below(400), 20 + random.below(600));
    }
  }
}

void storm_of_ttls(Sink& sink, std::uint64_t bytes) {
  Random random(43);
  while (sink.offered() < bytes) {
    // The clock is the real one: short lives end while the storm goes on, long ones fill the cache.
    const bool short_life = sink.offered() < bytes / 2;
    const std::uint64_t ttl =
        short_life ? 1 + random.below(3000) : 86'400'000 + random.below(86'400'000);
    sink.set(random.below(5000), random.below(1000), 40 + random.below(320),
             static_cast<std::int64_t>(ttl));
  }
}

void large_among_small(Sink& sink, std::uint64_t bytes) {
  for (std::uint64_t i = 0; sink.offered() < bytes; ++i) {
    sink.set(i % 20'000, i, i % 5000 == 0 ? 1 * k_mib : 50);
  }
}

void random_mixture(Sink& sink, std::uint64_t bytes) {
  Random random(47);
  while (sink.offered() < bytes) {
    const std::uint64_t shape = random.below(1000);
    const std::uint64_t group = random.below(1 + random.below(20'000));
    if (shape < 10) {
      sink.erase(group, random.below(2000));
      continue;
    }
    const std::uint64_t size =
        shape == 999 ? 20'000 + random.below(180'000) : random.below(1 + random.below(1500));
    sink.set(group, random.below(2000), size,
             shape % 10 == 5 ? static_cast<std::int64_t>(1 + random.below(10'000'000)) : 0);
  }
}

constexpr Scenario k_scenarios[] = {
    {"growth in step", growth_in_step},
    {"values 100 B, then 1 KiB, then 50 B", shifting_sizes},
    {"one giant group", one_giant_group},
    {"a million single-field groups", single_field_groups},
    {"delete and insert churn", churn},
    {"a storm of TTLs", storm_of_ttls},
    {"1 MiB values among 50 B ones", large_among_small},
    {"random mixture", random_mixture},
};

}  // namespace

std::span<const Scenario> scenarios() {
  return k_scenarios;
}

}  // namespace ullage::bench
