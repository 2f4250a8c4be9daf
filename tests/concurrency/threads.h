// Threads that start together, and how much they do in each kind of build.
#pragma once

#include "support/build.h"
#include "support/testing.h"

#include <atomic>
#include <barrier>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace ullage::test {

/// Rounds of a loop: a sanitizer makes each many times slower, and finds more in each.
constexpr std::uint64_t rounds(std::uint64_t count) {
  return k_sanitized ? count / 10 + 1 : count;
}

/// Runs all bodies at once and waits for them.
inline void together(std::vector<std::function<void()>> bodies) {
  std::barrier start(static_cast<std::ptrdiff_t>(bodies.size()));
  std::vector<std::thread> threads;
  threads.reserve(bodies.size());
  for (auto& body : bodies) {
    threads.emplace_back([&start, body = std::move(body)] {
      start.arrive_and_wait();
      body();
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

/// Runs `workers` to their end and `background` again and again until then.
inline void together_with(std::vector<std::function<void()>> workers,
                          std::vector<std::function<void()>> background) {
  std::atomic<std::size_t> left{workers.size()};
  std::vector<std::function<void()>> bodies;
  for (auto& worker : workers) {
    bodies.emplace_back([&left, worker = std::move(worker)] {
      worker();
      left.fetch_sub(1);
    });
  }
  for (auto& again : background) {
    bodies.emplace_back([&left, again = std::move(again)] {
      while (left.load() != 0)
        again();
    });
  }
  together(std::move(bodies));
}

inline Cache open_cache(std::size_t memory_limit, Policy policy = Policy::adaptive,
                        std::size_t max_memory_limit = 0) {
  Options options;
  options.memory_limit = memory_limit;
  options.max_memory_limit = max_memory_limit;
  options.policy = policy;
  options.clock = std::make_shared<ManualClock>();
  return Cache::open(std::move(options)).value();
}

/// After all threads are gone the books balance.
inline void expect_balanced(Cache& cache) {
  std::string why;
  EXPECT_TRUE(eventually(cache, [&] { return (why = imbalance(cache)).empty(); })) << why;
}

inline std::string numbered(std::string_view stem, std::uint64_t number) {
  std::string name(stem);
  name += std::to_string(number);
  return name;
}

/// Sizes on both sides of every boundary that a layout may have.
inline constexpr std::size_t k_crossing_sizes[] = {16, 64, 65, 500, 2048, 3000, 5120, 100 * 1024};
inline std::size_t crossing_size(std::uint64_t id) {
  return k_crossing_sizes[id % std::size(k_crossing_sizes)];
}

}  // namespace ullage::test
