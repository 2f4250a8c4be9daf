#include "base/child.h"

#include "base/failure.h"

#include <csignal>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(Child, AnswersWhatTheWorkReturned) {
  const std::string large(300'000, 'x');  // more than a pipe holds
  EXPECT_EQ(run_in_child([&] { return std::string(large); }), large);
}

TEST(Child, PassesAFailureOn) {
  try {
    run_in_child([]() -> std::string { throw Failure("no such trace", 7); });
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_STREQ(failure.what(), "no such trace");
    EXPECT_EQ(failure.exit_code(), 7);
  }
}

TEST(Child, SaysThatAChildDied) {
  try {
    run_in_child([]() -> std::string {
      ::raise(SIGKILL);
      return "";
    });
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("signal 9"), std::string::npos) << failure.what();
  }
}

}  // namespace
}  // namespace ullage::app
