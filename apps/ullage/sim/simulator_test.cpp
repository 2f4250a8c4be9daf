#include "sim/simulator.h"

#include "base/hash.h"
#include "trace/find.h"
#include "trace/reader.h"

#include <cmath>
#include <fstream>
#include <list>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

std::string hits_of(Simulator& simulator, const std::vector<std::uint64_t>& ids) {
  std::string hits;
  for (const auto id : ids)
    hits += simulator.access(id, 1) ? 'h' : '.';
  return hits;
}

TEST(Simulators, LruKeepsWhatWasUsedLast) {
  const auto lru = make_lru(2);
  EXPECT_EQ(hits_of(*lru, {1, 2, 1, 3, 1, 2, 3}), "..h.h..");
  EXPECT_EQ(lru->entries(), 2u);
  EXPECT_EQ(lru->evictions(), 3u);
}

TEST(Simulators, FifoIgnoresHits) {
  EXPECT_EQ(hits_of(*make_fifo(2), {1, 2, 1, 3, 1, 2, 3}), "..h....");
}

TEST(Simulators, S3FifoLetsAScanPassWhatIsUsedOften) {
  const auto s3 = make_s3fifo(100);
  const auto lru = make_lru(100);
  // Fifty objects in use, and a scan of objects that never come back: three for each that does.
  for (std::uint64_t id = 0; id < 50; ++id) {
    for (int time = 0; time < 3; ++time) {
      s3->access(id, 1);
      lru->access(id, 1);
    }
  }
  int s3_hits = 0;
  int lru_hits = 0;
  std::uint64_t scan = 1000;
  for (int round = 0; round < 50; ++round) {
    for (std::uint64_t id = 0; id < 50; ++id) {
      s3_hits += s3->access(id, 1) ? 1 : 0;
      lru_hits += lru->access(id, 1) ? 1 : 0;
      for (int i = 0; i < 3; ++i, ++scan) {
        s3->access(scan, 1);
        lru->access(scan, 1);
      }
    }
  }
  EXPECT_LT(lru_hits, 50);
  EXPECT_GT(s3_hits, 2400);
}

TEST(Simulators, S3FifoTakesAGhostStraightIntoMain) {
  const auto s3 = make_s3fifo(10);  // small 1, main 9, ghost 9
  for (std::uint64_t id = 1; id <= 11; ++id)
    s3->access(id, 1);
  EXPECT_EQ(s3->evictions(), 1u);
  EXPECT_FALSE(s3->access(1, 1));  // evicted, remembered, now in main
  for (std::uint64_t id = 100; id < 120; ++id)
    s3->access(id, 1);
  EXPECT_TRUE(s3->access(1, 1));
}

TEST(Simulators, NeverExceedTheirCapacityWhateverTheSizes) {
  for (const char* name : {"lru", "fifo", "s3fifo"}) {
    for (const std::uint64_t capacity : {1u, 2u, 9u, 1000u}) {
      const auto simulator = make_simulator(name, capacity);
      Random random(3);
      for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t id = random.next() % 300;
        simulator->access(id, 1 + mix64(id) % 1500);
        if (random.next() % 16 == 0) simulator->erase(random.next() % 300);
        ASSERT_LE(simulator->used(), capacity) << name;
      }
    }
  }
  EXPECT_EQ(make_simulator("clock", 1), nullptr);
}

TEST(Simulators, EraseForgets) {
  for (const char* name : {"lru", "fifo", "s3fifo"}) {
    const auto simulator = make_simulator(name, 100);
    simulator->access(1, 5);
    EXPECT_TRUE(simulator->erase(1));
    EXPECT_FALSE(simulator->erase(1));
    EXPECT_EQ(simulator->used(), 0u);
    EXPECT_FALSE(simulator->access(1, 5));
  }
}

double miss_ratio(const std::string& path, Simulator& simulator) {
  TraceReader reader(path, {});
  Request request;
  double misses = 0;
  double requests = 0;
  while (reader.next(request)) {
    misses += simulator.access(entry_id(request.group, request.field), 1) ? 0 : 1;
    ++requests;
  }
  return misses / requests;
}

// Against the figures of libCacheSim, which ship beside the traces.
TEST(Simulators, AgreeWithTheReferenceOnRealTraces) {
  const auto web07 = find_trace("web07", trace_folders());
  const auto multi3 = find_trace("multi3", trace_folders());
  if (!web07 || !multi3) GTEST_SKIP() << "the traces web07 and multi3 are not here (ULLAGE_TRACES)";
  const auto table = web07->parent_path().parent_path() / "reference" / "miss-ratios.csv";
  std::ifstream lines(table);
  if (!lines) GTEST_SKIP() << "no reference at " << table;
  std::string line;
  std::getline(lines, line);
  ASSERT_TRUE(line.starts_with("trace,fraction_of_unique,max_entries,LRU,ARC,S3FIFO")) << line;
  int cells = 0;
  while (std::getline(lines, line)) {
    std::istringstream columns(line);
    std::vector<std::string> cell;
    for (std::string text; std::getline(columns, text, ',');)
      cell.push_back(text);
    if (cell.at(0) != "web07" && cell.at(0) != "multi3") continue;
    const std::string path = (cell[0] == "web07" ? *web07 : *multi3).string();
    const std::uint64_t capacity = std::stoull(cell[2]);
    EXPECT_NEAR(miss_ratio(path, *make_lru(capacity)), std::stod(cell[3]), 0.00006) << line;
    EXPECT_NEAR(miss_ratio(path, *make_s3fifo(capacity)), std::stod(cell[5]), 0.0005) << line;
    ++cells;
  }
  EXPECT_EQ(cells, 8);
}

}  // namespace
}  // namespace ullage::app
