// The configurations of the model-based tests, each with the mix of commands that strains it.
#pragma once

#include "support/model.h"

#include <vector>

namespace ullage::test {

struct Configuration {
  const char* name;
  ModelSetup setup;
  Mix mix;
  std::size_t length;  ///< commands of one sequence
};

inline std::vector<Configuration> configurations() {
  using namespace ullage::literals;
  std::vector<Configuration> all;
  const auto add = [&all](const char* name, std::size_t length) -> Configuration& {
    all.push_back({name, {}, plain_mix(), length});
    return all.back();
  };

  // Room for everything: not one entry may be lost.
  for (const Policy policy : {Policy::adaptive, Policy::lru}) {
    Configuration& roomy = add(policy == Policy::adaptive ? "RoomyAdaptive" : "RoomyLru", 4000);
    roomy.setup.memory_limit = 64_MiB;
    roomy.setup.policy = policy;
  }
  {
    Configuration& renames = add("Renames", 4000);
    renames.setup.memory_limit = 64_MiB;
    renames.mix.with(Op::rename_group, 60);
    renames.mix.groups = 8;
    renames.mix.fields = 30;
  }
  {
    Configuration& thread = add("MaintenanceThread", 2500);
    thread.setup.memory_limit = 64_MiB;
    thread.setup.maintenance = Maintenance::thread;
    thread.mix.with(Op::rename_group, 20);
  }
  {
    Configuration& wide = add("ThousandsOfFields", 3000);
    wide.setup.memory_limit = 64_MiB;
    wide.setup.validate_every = 300;
    wide.mix.groups = 2;
    wide.mix.fields = 4000;
    wide.mix.small_max = 200;
    wide.mix.burst_max = 1500;
    wide.mix.large_one_in = 500;
    wide.mix.with(Op::burst, 20).with(Op::rename_group, 3).with(Op::for_each, 4).with(Op::drain, 4);
  }
  {
    Configuration& idle = add("IdleGroups", 4000);
    idle.setup.memory_limit = 64_MiB;
    idle.setup.group.idle_ttl = Millis(3000);
    idle.mix.groups = 30;
    idle.mix.fields = 6;
    idle.mix.with(Op::advance, 150)
        .with(Op::rename_group, 10)
        .with(Op::for_each, 5)
        .with(Op::drain, 30);
  }
  {
    Configuration& limits = add("GroupLimits", 4000);
    limits.setup.memory_limit = 64_MiB;
    limits.setup.group.max_fields = 25;
    limits.mix.fields = 60;
    limits.mix.with(Op::group_limits, 20).with(Op::default_limits, 4).with(Op::rename_group, 10);
  }
  // Too little room: entries go, each with its reason.
  for (const Policy policy : {Policy::adaptive, Policy::lru}) {
    Configuration& tight = add(policy == Policy::adaptive ? "TightAdaptive" : "TightLru", 4000);
    tight.setup.policy = policy;
    tight.setup.may_evict = true;
    tight.mix.groups = 20;
    tight.mix.fields = 500;
    tight.mix.large_one_in = 3;
    tight.mix.with(Op::set, 900)
        .with(Op::burst, 30)
        .with(Op::rename_group, 10)
        .with(Op::group_limits, 2);
    tight.mix.with(Op::erase_group, 2).with(Op::expire_group, 2).with(Op::clear, 0);
  }
  {
    Configuration& resized = add("ResizedLimit", 4000);
    resized.setup.max_memory_limit = 24_MiB;
    resized.setup.memory_limit = 16_MiB;
    resized.setup.may_evict = true;
    resized.mix.groups = 12;
    resized.mix.fields = 800;
    resized.mix.large_one_in = 3;
    resized.mix.with(Op::set, 900).with(Op::burst, 20).with(Op::memory_limit, 12);
    resized.mix.with(Op::erase_group, 2).with(Op::expire_group, 2).with(Op::clear, 0);
  }
  // Classes come, go and change while groups live, die and change their names.
  for (const bool is_tight : {false, true}) {
    Configuration& classes = add(is_tight ? "ClassesTight" : "Classes", 4000);
    classes.setup.memory_limit = is_tight ? 8_MiB : 64_MiB;
    classes.setup.may_evict = is_tight;
    classes.mix.groups = 40;
    classes.mix.fields = is_tight ? 500 : 30;
    classes.mix.with(Op::classes, 40).with(Op::rename_group, 30).with(Op::tick, 80);
    if (!is_tight) continue;
    classes.mix.large_one_in = 3;
    classes.mix.with(Op::set, 900).with(Op::burst, 30).with(Op::erase_group, 2);
    classes.mix.with(Op::expire_group, 2).with(Op::clear, 0);
  }
  {
    Configuration& counted = add("MaxEntries", 4000);
    counted.setup.memory_limit = 64_MiB;
    counted.setup.max_entries = 150;
    counted.setup.may_evict = true;
    counted.mix.fields = 60;
    counted.mix.with(Op::rename_group, 10);
  }
  return all;
}

}  // namespace ullage::test
