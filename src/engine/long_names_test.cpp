// Groups whose records are so long that two of them do not share a page: the bucket must split
// although it holds one record only.
#include <ullage/cache.h>

#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace ullage {
namespace {

class LongNames : public ::testing::Test {
 protected:
  static constexpr int k_groups = 1000;

  static Cache open() {
    Options options;
    options.memory_limit = 64 * k_mib;  // twenty times what is written
    options.maintenance = Maintenance::manual;
    options.clock = std::make_shared<ManualClock>();
    options.hash_key[0] = 1;
    options.hash_key[1] = 2;
    options.random_seed = 3;
    return Cache::open(std::move(options)).value();
  }
  static std::string name_of(char first, int number) {
    return first + std::to_string(number) + std::string(k_name_max_bytes - 10, 'g');
  }
  void fill() {
    for (int i = 0; i < k_groups; ++i)
      ASSERT_TRUE(cache_.set(name_of('a', i), field_, value_));
  }

  Cache cache_ = open();
  std::string field_ = std::string(k_name_max_bytes, 'f');
  std::string value_ = std::string(600, 'v');  // in pieces: the group has an anchor too
};

TEST_F(LongNames, NothingIsForgottenWhileThereIsRoom) {
  fill();
  EXPECT_EQ(cache_.stats().removed(RemovalCause::evicted), 0U);
  int missing = 0;
  for (int i = 0; i < k_groups; ++i)
    missing += cache_.contains(name_of('a', i), field_) ? 0 : 1;
  EXPECT_EQ(missing, 0);
  EXPECT_TRUE(cache_.validate().ok);
}

TEST_F(LongNames, ARenameFindsRoomWhereThereIsPlenty) {
  fill();
  int refused = 0;
  for (int i = 0; i < k_groups; ++i) {
    const auto renamed = cache_.rename_group(name_of('a', i), name_of('b', i));
    refused += !renamed && renamed.error().code == Errc::no_room ? 1 : 0;
  }
  EXPECT_EQ(refused, 0);
  EXPECT_TRUE(cache_.validate().ok);
}

}  // namespace
}  // namespace ullage
