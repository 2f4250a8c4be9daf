// The model-based tests of tests/model/, longer and with many more seeds.
#include "model/model_configurations.h"
#include "model/shrink.h"

#include <gtest/gtest.h>

namespace ullage::test {
namespace {

TEST(ModelStress, ManySeeds) {
  for (const Configuration& configuration : configurations()) {
    for (std::uint64_t seed = 1000; seed < 1040; ++seed) {
      const std::vector<Command> commands =
          generate(configuration.mix, seed, 2 * configuration.length);
      const std::string failure = run_model(configuration.setup, commands);
      if (failure.empty()) continue;
      const std::vector<Command> few = shrink(configuration.setup, commands);
      FAIL() << configuration.name << ", seed " << seed << ": " << failure
             << "\nShrunk, it fails with " << run_model(configuration.setup, few) << "\n"
             << listing(few);
    }
  }
}

}  // namespace
}  // namespace ullage::test
