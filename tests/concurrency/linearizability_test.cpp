// Recorded concurrent histories, checked entry by entry. With room for everything an entry is never
// absent by itself; under pressure it may vanish, but what has gone never comes back and what was
// replaced is never seen again.
#include "linearizability.h"

#include "threads.h"

namespace ullage::test {
namespace {

TEST(Checker, AcceptsWhatCanBeOrdered) {
  // A read that overlaps a write may see either value.
  EXPECT_EQ("", check_linearizable(
                    {{Call::set, 0, false, 0, 1, 1, 4}, {Call::get, 1, false, 0, 0, 2, 3}}, false));
  EXPECT_EQ("", check_linearizable(
                    {{Call::set, 0, false, 0, 1, 1, 4}, {Call::get, 1, false, 1, 0, 2, 3}}, false));
  EXPECT_EQ("", check_linearizable(
                    {{Call::set, 0, false, 0, 1, 1, 2}, {Call::get, 1, false, 0, 0, 3, 4}}, true));
}

TEST(Checker, RefusesWhatCannot) {
  const Recorded write_1{Call::set, 0, false, 0, 1, 1, 2};
  const Recorded write_2{Call::set, 0, true, 0, 2, 3, 4};
  EXPECT_NE("", check_linearizable({write_1, {Call::get, 1, false, 0, 0, 3, 4}}, false))
      << "a lost write";
  EXPECT_NE("", check_linearizable({write_1, write_2, {Call::get, 1, false, 1, 0, 5, 6}}, false))
      << "a stale read";
  EXPECT_NE("", check_linearizable({write_1, write_2, {Call::get, 1, false, 1, 0, 5, 6}}, true))
      << "stale under pressure";
  EXPECT_NE("", check_linearizable(
                    {write_1, {Call::get, 1, false, 0, 0, 3, 4}, {Call::get, 1, false, 1, 0, 5, 6}},
                    true))
      << "back from the dead";
  EXPECT_NE("", check_linearizable({{Call::get, 1, false, 7, 0, 1, 2}}, false)) << "out of nothing";
  EXPECT_NE(
      "",
      check_linearizable(
          {write_1, {Call::erase, 1, true, 0, 0, 3, 6}, {Call::erase, 2, true, 0, 0, 4, 5}}, false))
      << "erased twice";
  // New then old, both while the write is under way.
  EXPECT_NE("", check_linearizable({write_1,
                                    {Call::set, 0, true, 0, 2, 3, 10},
                                    {Call::get, 1, false, 2, 0, 4, 5},
                                    {Call::get, 1, false, 1, 0, 6, 7}},
                                   false));
}

constexpr std::size_t k_entries = 4;

/// One thread's calls on a few entries, each recorded.
class Recorder {
 public:
  Recorder(Cache& cache, std::atomic<std::uint64_t>& moments, std::uint32_t thread, bool drops)
      : cache_(cache), moments_(moments), thread_(thread), drops_(drops), rng_(thread + 1) {}

  void run(std::uint64_t calls) {
    for (std::uint64_t i = 0; i < calls; ++i)
      one(rng_.below(k_entries));
  }
  [[nodiscard]] const std::vector<Recorded>& history(std::size_t entry) const {
    return history_[entry];
  }

 private:
  void one(std::size_t entry) {
    const std::string field = numbered("f", entry);
    Recorded op;
    op.thread = thread_;
    const std::uint64_t id = (std::uint64_t{thread_} << 32) + ++written_;
    const std::uint64_t pick = rng_.below(100);
    if (pick < 30) {
      op.call = Call::get;
      op.start = moments_.fetch_add(1);
      std::optional<Value> value = cache_.get("g", field);
      op.end = moments_.fetch_add(1);
      op.seen = id_of(value);
    } else if (pick < 40) {
      const Key keys[] = {{"g", field}};
      std::optional<Value> out[1];
      op.start = moments_.fetch_add(1);
      EXPECT_TRUE(succeeded(cache_.get_many(keys, out)));
      op.end = moments_.fetch_add(1);
      op.seen = id_of(out[0]);
    } else if (pick < 45) {
      std::optional<Value> value;
      op.start = moments_.fetch_add(1);
      EXPECT_TRUE(
          succeeded(cache_.visit("g", field, [&](std::string_view seen) { value.emplace(seen); })));
      op.end = moments_.fetch_add(1);
      op.seen = id_of(value);
    } else if (pick < 48) {
      op.call = Call::contains;
      op.start = moments_.fetch_add(1);
      op.done = cache_.contains("g", field);
      op.end = moments_.fetch_add(1);
    } else if (pick < 70) {
      op.call = Call::set;
      const std::string value = sealed(id, crossing_size(id));
      op.written = id;
      op.start = moments_.fetch_add(1);
      const Result<SetOutcome> outcome = cache_.set("g", field, value);
      op.end = moments_.fetch_add(1);
      if (refused(outcome)) return;
      op.done = *outcome == SetOutcome::replaced;
    } else if (pick < 76) {
      op.call = Call::set_if_absent;
      const std::string value = sealed(id, crossing_size(id));
      op.written = id;
      op.start = moments_.fetch_add(1);
      const Result<SetOutcome> outcome = cache_.try_emplace("g", field, value);
      op.end = moments_.fetch_add(1);
      if (refused(outcome)) return;
      op.done = *outcome == SetOutcome::inserted;
    } else if (pick < 84) {
      op.call = Call::erase;
      op.start = moments_.fetch_add(1);
      op.done = cache_.erase("g", field);
      op.end = moments_.fetch_add(1);
    } else if (pick < 92) {
      const std::optional<Value> before = cache_.get("g", field);
      if (!before) return;
      op.call = Call::compare_and_set;
      op.seen = id_of(before);
      op.written = id;
      const std::string desired = sealed(id, crossing_size(id));
      op.start = moments_.fetch_add(1);
      const Result<bool> done = cache_.compare_and_set("g", field, before->view(), desired);
      op.end = moments_.fetch_add(1);
      if (refused(done)) return;
      op.done = *done;
    } else if (pick < 98 || !drops_) {
      op.call = Call::update;
      op.written = id;
      op.start = moments_.fetch_add(1);
      const Result<SetOutcome> outcome =
          cache_.update("g", field, [&](std::optional<std::string_view> now) {
            op.seen = now ? unseal(*now).value_or(k_torn) : 0;
            return std::optional<std::string>(sealed(id, crossing_size(id)));
          });
      op.end = moments_.fetch_add(1);
      if (refused(outcome)) return;
    } else {
      op.call = Call::drop;
      op.start = moments_.fetch_add(1);
      cache_.erase_group("g");
      op.end = moments_.fetch_add(1);
      for (auto& history : history_)
        history.push_back(op);
      return;
    }
    history_[entry].push_back(op);
  }

  /// A refused call changes nothing, so that it has no place in the history; that there are such
  /// calls is a failure of its own.
  template <class T>
  bool refused(const Result<T>& result) {
    if (result) return false;
    if (refused_++ == 0) {
      EXPECT_TRUE(succeeded(result));
    }
    return true;
  }
  static constexpr std::uint64_t k_torn = UINT64_MAX;
  static std::uint64_t id_of(const std::optional<Value>& value) {
    if (!value) return 0;
    const std::optional<std::uint64_t> id = unseal(value->view());
    EXPECT_TRUE(id.has_value()) << "a torn value of " << value->size() << " bytes";
    return id.value_or(k_torn);
  }

  Cache& cache_;
  std::atomic<std::uint64_t>& moments_;
  std::uint32_t thread_;
  bool drops_;
  Rng rng_;
  std::uint64_t written_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<Recorded> history_[k_entries];
};

void record_and_check(Cache& cache, std::uint32_t threads, std::uint64_t calls, bool drops,
                      bool may_vanish, std::vector<std::function<void()>> background) {
  std::atomic<std::uint64_t> moments{1};
  std::vector<std::unique_ptr<Recorder>> recorders;
  std::vector<std::function<void()>> workers;
  for (std::uint32_t thread = 0; thread < threads; ++thread) {
    recorders.push_back(std::make_unique<Recorder>(cache, moments, thread, drops));
    workers.emplace_back([recorder = recorders.back().get(), calls] { recorder->run(calls); });
  }
  together_with(std::move(workers), std::move(background));
  for (std::size_t entry = 0; entry < k_entries; ++entry) {
    std::vector<Recorded> history;
    for (const auto& recorder : recorders) {
      history.insert(history.end(), recorder->history(entry).begin(),
                     recorder->history(entry).end());
    }
    EXPECT_EQ("", check_linearizable(std::move(history), may_vanish)) << "entry " << entry;
  }
  expect_balanced(cache);
}

TEST(Linearizability, WithRoomForEverything) {
  Cache cache = open_cache(64_MiB);
  record_and_check(cache, 6, rounds(15'000), false, false, {});
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
}

TEST(Linearizability, WhileTheGroupIsDropped) {
  Cache cache = open_cache(64_MiB);
  record_and_check(cache, 4, rounds(15'000), true, false, {});
}

TEST(Linearizability, WhileTheGroupSplitsAndShrinks) {
  Cache cache = open_cache(64_MiB);
  std::uint64_t step = 0;
  record_and_check(cache, 4, rounds(15'000), false, false, {[&] {
                     // Grows the group to thousands of fields beside the recorded ones, and back.
                     const std::string field = numbered("noise", step % 5000);
                     if (step / 5000 % 2 == 0) {
                       put(cache, "g", field, std::string(step % 300, 'n'));
                     } else {
                       cache.erase("g", field);
                     }
                     ++step;
                   }});
}

TEST(Linearizability, UnderPressure) {
  for (const Policy policy : {Policy::adaptive, Policy::lru}) {
    Cache cache = open_cache(8_MiB, policy);
    std::uint64_t step = 0;
    record_and_check(cache, 4, rounds(8000), true, true, {[&] {
                       put(cache, numbered("noise", step % 300), numbered("f", step),
                           std::string(step % 4000, 'n'));
                       ++step;
                     }});
  }
}

}  // namespace
}  // namespace ullage::test
