#include <ullage/cache.h>
#include <ullage/trace.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage {
namespace {

using namespace ullage::literals;

class Kept final : public TraceSink {
 public:
  void on_event(const TraceEvent& event) noexcept override {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  [[nodiscard]] std::vector<TraceEvent> of(TraceKind kind) const {
    const std::lock_guard lock(mutex_);
    std::vector<TraceEvent> found;
    for (const TraceEvent& event : events_)
      if (event.kind == kind) found.push_back(event);
    return found;
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return events_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<TraceEvent> events_;
};

class Traced : public ::testing::Test {
 protected:
  Traced() {
    Options options;
    options.memory_limit = 8_MiB;
    options.maintenance = Maintenance::manual;
    options.clock = clock_;
    cache_.emplace(Cache::open(std::move(options)).value());
    cache_->set_trace(&kept_);
  }
  static std::uint64_t entries(const std::vector<TraceEvent>& events) {
    std::uint64_t all = 0;
    for (const TraceEvent& event : events)
      all += event.entries;
    return all;
  }

  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  Kept kept_;
  std::optional<Cache> cache_;
};

TEST_F(Traced, AFullCacheTellsWhatItEvictsAndHow) {
  for (int i = 0; i < 60'000; ++i)
    ASSERT_TRUE(cache_->set("g" + std::to_string(i % 5000), "f" + std::to_string(i),
                            std::string(static_cast<std::size_t>(100 + i / 100), 'v')));
  EXPECT_EQ(entries(kept_.of(TraceKind::evict)), cache_->stats().removed(RemovalCause::evicted));
  EXPECT_EQ(kept_.of(TraceKind::slab_emptied).size(), cache_->stats().slabs_emptied);
  EXPECT_FALSE(kept_.of(TraceKind::make_room).empty());
  for (const TraceKind kind : {TraceKind::make_room, TraceKind::split, TraceKind::gather}) {
    ASSERT_FALSE(kept_.of(kind).empty()) << to_string(kind);
    for (const TraceEvent& event : kept_.of(kind))
      EXPECT_GT(event.took_ns, 0);
  }
}

TEST_F(Traced, TimeThatRunsOutIsTold) {
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(cache_->set("g" + std::to_string(i), "f", "v", {.ttl = Millis(1000)}));
  clock_->advance(Millis(60'000));
  while (cache_->tick(1000) != 0) {
  }
  EXPECT_EQ(entries(kept_.of(TraceKind::expire)), 100U);
  EXPECT_FALSE(kept_.of(TraceKind::sweep).empty());
}

TEST_F(Traced, ADroppedGroupAndItsPagesAreOneFlow) {
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(cache_->set("large", std::to_string(i), "0123456789"));
  ASSERT_TRUE(cache_->erase_group("large"));
  while (cache_->tick(1000) != 0) {
  }
  const auto dropped = kept_.of(TraceKind::drop_group);
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0].entries, 2000U);
  EXPECT_NE(dropped[0].flow, 0U);
  const auto freed = kept_.of(TraceKind::free_pages);
  EXPECT_GT(freed.size(), 5U);
  for (const TraceEvent& event : freed)
    EXPECT_EQ(event.flow, dropped[0].flow);
}

TEST_F(Traced, WhatIsAskedForAndWhatIsThereTellsNothing) {
  ASSERT_TRUE(cache_->set("g", "f", "v"));
  const std::size_t before = kept_.size();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(cache_->get("g", "f"));
    ASSERT_TRUE(cache_->set("g", "f", "w"));
  }
  EXPECT_EQ(kept_.size(), before);
}

TEST_F(Traced, NobodyIsToldAnyMoreOnceTheSinkIsTaken) {
  std::atomic<bool> stop{false};
  std::array<std::thread, 3> writers;
  for (std::size_t t = 0; t < writers.size(); ++t) {
    writers[t] = std::thread([this, t, &stop] {
      for (int i = 0; !stop; ++i)
        static_cast<void>(cache_->set("g" + std::to_string(i % 700),
                                      std::to_string(t * 100'000'000 + static_cast<std::size_t>(i)),
                                      std::string(300, 'v')));
    });
  }
  for (int round = 0; round < 200; ++round) {
    // A sink that does not outlive its round: with a sanitizer, whoever still tells is caught.
    Kept one;
    cache_->set_trace(&one);
    std::this_thread::yield();
    cache_->set_trace(nullptr);
  }
  stop = true;
  for (std::thread& writer : writers)
    writer.join();
}

TEST(TraceKinds, HaveNames) {
  for (std::size_t i = 0; i < k_trace_kinds; ++i)
    EXPECT_NE(to_string(static_cast<TraceKind>(i)), "unknown");
  EXPECT_EQ(to_string(static_cast<TraceKind>(k_trace_kinds)), "unknown");
}

}  // namespace
}  // namespace ullage
