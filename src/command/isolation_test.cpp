// What one command or transaction changes, others see whole or not at all: with threads, each a
// client of its own.
#include "command/house_testing.h"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

/// A client of a house that others use too.
class Visitor {
 public:
  explicit Visitor(House& house) : house_(house) {
    session_.client = std::make_shared<LoneClient>();
  }

  std::string ask(const std::string& line) {
    return ask_line(house_.dispatcher, session_, line, session_.protocol);
  }

 private:
  House& house_;
  Session session_;
};

/// The values in "*2\r\n$1\r\n7\r\n$1\r\n7\r\n".
std::vector<std::string> values_of(const std::string& reply) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < reply.size();) {
    const std::size_t end = reply.find("\r\n", at);
    const std::string line = reply.substr(at, end - at);
    if (line[0] != '*' && line[0] != '$') lines.push_back(line);
    at = end + 2;
  }
  return lines;
}

constexpr int k_rounds = 1500;

/// Runs functions at the same time, each on a thread of its own, until all are done.
template <class... Bodies>
void run_threads(Bodies... bodies) {
  std::array<std::thread, sizeof...(Bodies)> threads{std::thread(std::move(bodies))...};
  for (std::thread& thread : threads)
    thread.join();
}

/// Asks for two values that belong together until it is done; counts the answers in which they do
/// not agree.
auto reader_of_pairs(House& house, std::string question, const std::atomic<bool>& done,
                     std::atomic<int>& torn) {
  return [&house, question = std::move(question), &done, &torn] {
    Visitor visitor(house);
    while (!done.load()) {
      const auto values = values_of(visitor.ask(question));
      if (values.size() != 2 || values[0] != values[1]) torn.fetch_add(1);
    }
  };
}

TEST(Isolation, ReadersOfSeveralKeysSeeATransactionWholeOrNotAtAll) {
  House house;
  Visitor(house).ask("mset x 0 y 0");
  Visitor(house).ask("hset h a 0 b 0");
  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  const auto write = [&] {
    Visitor visitor(house);
    for (int i = 0; i < k_rounds; ++i) {
      visitor.ask("multi");
      visitor.ask("incr x");
      visitor.ask("incr y");
      visitor.ask("hincrby h a 1");
      visitor.ask("hincrby h b 1");
      visitor.ask("exec");
    }
  };
  const auto read = [&](const char* question) {
    return reader_of_pairs(house, question, done, torn);
  };
  const auto read_in_transaction = [&] {
    Visitor visitor(house);
    while (!done.load()) {
      visitor.ask("multi");
      visitor.ask("get x");
      visitor.ask("hget h b");
      const auto values = values_of(visitor.ask("exec"));
      if (values.size() != 2 || values[0] != values[1]) torn.fetch_add(1);
    }
  };
  run_threads(
      [&] {
        run_threads(write, write);
        done.store(true);
      },
      read("mget x y"), read("hmget h a b"), read("hvals h"), read_in_transaction);
  EXPECT_EQ(torn.load(), 0);
  EXPECT_EQ(Visitor(house).ask("mget x y"), "*2\r\n$4\r\n3000\r\n$4\r\n3000\r\n");
}

TEST(Isolation, CommandsOfSeveralEntriesAreSeenWhole) {
  House house;
  Visitor(house).ask("mset x 0 y 0");
  Visitor(house).ask("hset h a 0 b 0");
  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  const auto write = [&](const std::string& tag) {
    return [&, tag] {
      Visitor visitor(house);
      for (int i = 0; i < k_rounds; ++i) {
        const std::string value = tag + std::to_string(i);
        visitor.ask(std::string("mset x ").append(value).append(" y ").append(value));
        visitor.ask(std::string("hset h a ").append(value).append(" b ").append(value));
      }
    };
  };
  const auto read = [&](const char* question) {
    return reader_of_pairs(house, question, done, torn);
  };
  run_threads(
      [&] {
        run_threads(write("p"), write("q"));
        done.store(true);
      },
      read("mget x y"), read("hmget h a b"));
  EXPECT_EQ(torn.load(), 0);
}

TEST(Isolation, WatchingTransactionsLoseNoUpdate) {
  House house;
  Visitor(house).ask("set n 0");
  std::atomic<int> applied{0};
  const auto add = [&] {
    Visitor visitor(house);
    for (int i = 0; i < k_rounds; ++i) {
      visitor.ask("watch n");
      const auto before = values_of(visitor.ask("get n"));
      visitor.ask("multi");
      visitor.ask("set n " + std::to_string(std::stoi(before[0]) + 1));
      if (visitor.ask("exec") != "*-1\r\n") applied.fetch_add(1);
    }
  };
  run_threads(add, add, add);
  EXPECT_EQ(values_of(Visitor(house).ask("get n"))[0], std::to_string(applied.load()));
  EXPECT_GT(applied.load(), 0);
  EXPECT_EQ(house.watches.count(), 0U);
}

}  // namespace
}  // namespace ullage::command
