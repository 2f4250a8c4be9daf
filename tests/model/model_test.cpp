// Random sequences of calls against a plain map, with a clock of our own, over every configuration
// and both ways: never a lie, and never forgetting without a recorded removal. The rules are in
// support/model.h.
//
// A test's name has its seed, so that a crash names it too; a failure prints a short sequence that
// fails in the same way.
#include "model_configurations.h"
#include "shrink.h"

#include <ostream>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

namespace ullage::test {

void PrintTo(const Configuration& configuration, std::ostream* out);
void PrintTo(const Configuration& configuration, std::ostream* out) {
  *out << configuration.name;
}

namespace {

void expect_model_holds(const Configuration& configuration, std::uint64_t seed,
                        std::size_t length) {
  const std::vector<Command> commands = generate(configuration.mix, seed, length);
  const std::string failure = run_model(configuration.setup, commands);
  if (failure.empty()) return;
  const std::vector<Command> few = shrink(configuration.setup, commands);
  ADD_FAILURE() << configuration.name << ", seed " << seed << ", " << length
                << " commands: " << failure << "\nShrunk to " << few.size()
                << " commands, which fail with: " << run_model(configuration.setup, few) << "\n"
                << listing(few);
}

class ModelBased : public ::testing::TestWithParam<std::tuple<Configuration, std::uint64_t>> {};

TEST_P(ModelBased, NeverLiesAndNeverForgetsForNothing) {
  const auto& [configuration, seed] = GetParam();
  expect_model_holds(configuration, seed, configuration.length);
}

std::string name_of(const ::testing::TestParamInfo<ModelBased::ParamType>& run) {
  return std::string(std::get<0>(run.param).name) + "_seed" +
         std::to_string(std::get<1>(run.param));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelBased,
                         ::testing::Combine(::testing::ValuesIn(configurations()),
                                            ::testing::Range<std::uint64_t>(1, 5)),
                         name_of);

TEST(ModelItself, TheMixesReachWhatTheyAreFor) {
  for (const Configuration& configuration : configurations()) {
    Model model(configuration.setup);
    for (const Command& command : generate(configuration.mix, 7, configuration.length)) {
      if (!model.apply(command)) break;
    }
    ASSERT_EQ("", model.failure()) << configuration.name;
    const Stats stats = model.stats();
    EXPECT_GT(stats.removed(RemovalCause::erased), 0U) << configuration.name;
    EXPECT_GT(stats.removed(RemovalCause::expired), 0U) << configuration.name;
    EXPECT_GT(stats.removed(RemovalCause::replaced), 0U) << configuration.name;
    EXPECT_EQ(configuration.setup.may_evict, stats.removed(RemovalCause::evicted) > 0)
        << configuration.name;
    if (configuration.setup.group.max_fields != 0 ||
        configuration.mix.weight[static_cast<std::size_t>(Op::classes)] != 0) {
      EXPECT_GT(stats.removed(RemovalCause::limit), 0U) << configuration.name;
    }
    EXPECT_EQ(0U, stats.removal_events_lost)
        << configuration.name << ": lost events blind the model";
  }
}

}  // namespace
}  // namespace ullage::test
