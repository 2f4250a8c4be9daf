#include "server/doctor.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ullage::server {
namespace {

using namespace ullage::literals;

/// A server that is well.
DoctorFacts well() {
  DoctorFacts facts;
  facts.cache.entries = 50'000;
  facts.cache.groups = 10'000;
  facts.cache.hits = 90'000;
  facts.cache.misses = 10'000;
  facts.cache.inserts = 60'000;
  facts.cache.memory_limit = 64_MiB;
  facts.cache.charged_bytes = 40_MiB;
  facts.cache.headroom_bytes = 24_MiB;
  facts.seen.bytes = 40_MiB;
  facts.seen.roles = {
      .field = 10_MiB, .value = 20_MiB, .header = 4_MiB, .index = 2_MiB, .slack = 4_MiB};
  facts.seen.groups = {{.name = "user:1", .bytes = 100'000, .fields = 900}};
  facts.allocator.resident = 10_MiB;
  facts.allocator.allocated = 8_MiB;
  facts.resident_bytes = 60_MiB;
  facts.limit_bytes = 100_MiB;
  return facts;
}

TEST(Doctor, SaysNothingOfWhatIsWell) {
  EXPECT_TRUE(diagnose(well()).empty());
  EXPECT_EQ(doctor_text({}), "Nothing is wrong that can be seen from here.\n");
  EXPECT_EQ(nlohmann::json::parse(doctor_json({}))["findings"].size(), 0U);
}

TEST(Doctor, NamesWhatGrowsAndWhenItIsTooLate) {
  DoctorFacts facts = well();
  EarlyWarning::Finding leak;
  leak.kind = EarlyWarning::Kind::prefix;
  leak.name = "session\n:";
  leak.bytes = 10_MiB;
  leak.trend.verdict = observe::Verdict::leak;
  leak.trend.slope_per_s = 1024;
  leak.trend.seen_s = 1800;
  leak.trend.at_limit =
      observe::Forecast{.expected_s = 7200, .earliest_s = 3600, .latest_s = 14'400};
  facts.growth = {leak};
  auto all = diagnose(facts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].severity, Severity::warning);
  EXPECT_EQ(all[0].what,
            "What begins with \"session\\x0a:\" grows, and nothing says that it will stop");
  EXPECT_EQ(
      all[0].evidence,
      "10.0 MiB, 3.5 MiB more each hour, over 30 minutes; has filled what is free in 2 hours (60 "
      "minutes to 4 hours)");
  EXPECT_EQ(all[0].command,
            "EXPIRE or UL.LIMIT KEY IDLE ends each, UL.CLASS SET PREFIX* MAX bounds all; ullage "
            "profile data shows what it holds");
  facts.growth[0].trend.at_limit->expected_s = 600;
  EXPECT_EQ(diagnose(facts)[0].severity, Severity::critical);
  facts.growth[0].kind = EarlyWarning::Kind::process;
  EXPECT_NE(diagnose(facts)[0].command.find("ullage profile heap"), std::string::npos);
}

TEST(Doctor, SaysOfWhatGrowsThatNothingEndsItAndWhatItIsMadeOf) {
  DoctorFacts facts = well();
  EarlyWarning::Finding leak;
  leak.kind = EarlyWarning::Kind::prefix;
  leak.name = "session:";
  leak.bytes = 10_MiB;
  leak.trend.slope_per_s = 1024;
  leak.trend.seen_s = 1800;
  leak.fields = 4000;
  leak.endless_fields = 1000;
  facts.growth = {leak};
  EXPECT_EQ(diagnose(facts).at(0).evidence,
            "10.0 MiB, 3.5 MiB more each hour, over 30 minutes; 25 % of its fields have no TTL");
  facts.growth[0].endless_fields = 4000;
  facts.grown_ms = 300'000;
  facts.grown = {{.group = "user:<n>", .field = "theme", .bytes = 900'000},
                 {.group = "session:<n>", .field = "token", .bytes = 300'000},
                 {.group = "session:<n>", .bytes = 1024}};
  const auto all = diagnose(facts);
  EXPECT_EQ(all.at(0).what, "What begins with \"session:\" only grows, and has no TTL");
  EXPECT_EQ(all[0].evidence,
            "10.0 MiB, 3.5 MiB more each hour, over 30 minutes; none of its 4000 fields ends by "
            "itself; within 5 minutes came 293.0 KiB of field \"token\" in \"session:<n>\", "
            "1.0 KiB in \"session:<n>\"");
  EXPECT_EQ(all[0].profile, "/debug/pprof/growth");
  EXPECT_NE(all[0].command.find("ullage profile growth"), std::string::npos);
  EXPECT_NE(doctor_text(all).find("  profile: /debug/pprof/growth\n"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(doctor_json(all))["findings"][0]["profile"],
            "/debug/pprof/growth");
  // Code has neither.
  facts.growth[0] = {.kind = EarlyWarning::Kind::stack, .name = "load < main", .bytes = 10_MiB};
  EXPECT_EQ(diagnose(facts).at(0).what,
            "What load < main allocates grows, and nothing says that it will stop");
  EXPECT_TRUE(diagnose(facts).at(0).profile.empty());
  facts.growth[0].name = "load\xff\n";
  EXPECT_EQ(diagnose(facts).at(0).what,
            "What load\\xff\\x0a allocates grows, and nothing says that it will stop");
}

TEST(Doctor, SeesAScan) {
  DoctorFacts facts = well();
  facts.cache.removals[static_cast<std::size_t>(RemovalCause::evicted)] = 50'000;
  facts.cache.evicted_unread = 45'000;
  facts.seen.prefixes = {
      {.name = "user:", .bytes = 20_MiB, .fields = 30'000, .unread_fields = 3000},
      {.name = "scan:", .bytes = 9_MiB, .fields = 10'000, .unread_fields = 9900}};
  const auto all = diagnose(facts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].what,
            "Most of what is written is evicted before anybody has read it, as by a scan");
  EXPECT_EQ(
      all[0].evidence,
      "90 % of 50000 entries evicted of late were never read; of those that are there now 9900 of "
      "\"scan:\" are unread, 99 % of its fields");
  facts.cache.evicted_unread = 30'000;  // much of it was of use
  EXPECT_TRUE(diagnose(facts).empty());
}

TEST(Doctor, SeesSizesThatWastePages) {
  DoctorFacts facts = well();
  facts.seen.sizes = {{.value_bytes = 96, .entries = 9000, .bytes = 1_MiB, .slack = 100'000},
                      {.value_bytes = 2048, .entries = 12'000, .bytes = 36_MiB, .slack = 6_MiB}};
  const auto all = diagnose(facts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].severity, Severity::note);
  EXPECT_EQ(all[0].what, "Values of about 2.0 KiB leave much of their pages empty");
  EXPECT_EQ(all[0].evidence, "12000 entries in 36.0 MiB, of which 6.0 MiB hold nothing (17 %)");
  facts.seen.sizes[1].slack = 3_MiB;  // as most sizes do
  EXPECT_TRUE(diagnose(facts).empty());
}

TEST(Doctor, SeesGroupsThatAreHot) {
  DoctorFacts facts = well();
  facts.hot.window_ms = 100'000;
  facts.hot.samples = 20'000;
  facts.hot.groups = {{.name = "front\npage", .samples = 12'000},
                      {.name = "user:1", .samples = 2000}};
  auto all = diagnose(facts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].severity, Severity::warning);
  EXPECT_EQ(all[0].what, "Group \"front\\x0apage\" is hot: much of all calls is for it");
  EXPECT_EQ(all[0].evidence,
            "60 % of the calls with a key in the last 100 seconds, about 123000 a second, by 20000 "
            "samples");
  facts.hot.groups[0].samples = 6000;
  EXPECT_EQ(diagnose(facts).at(0).severity, Severity::note);
  // Nearly all, of a rate at which nobody waits; or too few to say.
  facts.hot.samples = 1200;
  facts.hot.groups = {{.name = "a", .samples = 1100}};
  EXPECT_TRUE(diagnose(facts).empty());
  facts.hot = {.samples = 100, .window_ms = 1000, .groups = {{.name = "a", .samples = 100}}};
  EXPECT_TRUE(diagnose(facts).empty());
}

TEST(Doctor, LooksAtTheContainer) {
  DoctorFacts facts = well();
  facts.container.limit = 105_MiB;
  EXPECT_EQ(diagnose(facts).at(0).what, "The memory limit leaves the container next to nothing");
  facts.given_up_bytes = 5_MiB;
  EXPECT_EQ(diagnose(facts).at(0).severity, Severity::warning);
  facts.governor.is_blind = true;
  EXPECT_EQ(diagnose(facts).at(0).what,
            "The container's memory cannot be read any more, and the cache stays as it is");
  facts.governor.is_blind = false;
  facts.governor.stage = observe::GovernorStage::refuse;
  facts.container.oom_kills = 2;
  const auto all = diagnose(facts);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].severity, Severity::critical);
  EXPECT_EQ(all[1].evidence, "2 since it was made");
}

TEST(Doctor, FindsEachOfTheOthers) {
  const auto found = [](auto change) {
    DoctorFacts facts = well();
    change(facts);
    const auto all = diagnose(facts);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? std::string() : all[0].what;
  };
  EXPECT_EQ(found([](DoctorFacts& facts) { facts.seen.groups[0].fields = 20'000; }),
            "Group \"user:1\" has a great many fields");
  EXPECT_EQ(found([](DoctorFacts& facts) {
              facts.cache.groups = 45'000;
              facts.seen.roles.header = 20_MiB;
              facts.seen.roles.value = 4_MiB;
            }),
            "Most groups have one field, and headers take much of the memory");
  EXPECT_EQ(found([](DoctorFacts& facts) {
              facts.cache.headroom_bytes = 1_MiB;
              facts.seen.roles.slack = 15_MiB;
            }),
            "Much of a full cache holds nothing");
  EXPECT_EQ(found([](DoctorFacts& facts) {
              facts.cache.hits = 10'000;
              facts.cache.misses = 90'000;
              facts.cache.removals[static_cast<std::size_t>(RemovalCause::evicted)] = 50'000;
            }),
            "Most of what is written is evicted, and most reads find nothing");
  EXPECT_EQ(found([](DoctorFacts& facts) { facts.allocator.resident = 50_MiB; }),
            "The allocator holds much that nobody uses");
  EXPECT_EQ(found([](DoctorFacts& facts) { facts.resident_bytes = 99_MiB; }),
            "The process is at its memory limit");
}

TEST(Doctor, SeesAClassThatStarves) {
  DoctorFacts facts = well();
  facts.cache.payload_bytes = 30_MiB;
  facts.cache.entries = 0;
  ClassInfo starved;
  starved.pattern = "hot:*";
  starved.own_bytes = 1_MiB;
  starved.hits = 10'000;
  starved.misses = 30'000;
  starved.evicted = 25'000;
  ClassInfo idle;
  idle.pattern = "archive:*";
  idle.own_bytes = 20_MiB;
  idle.hits = 1000;
  facts.classes = {idle, starved};
  auto all = diagnose(facts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].what, "Class \"hot:*\" starves beside class \"archive:*\"");
  EXPECT_EQ(all[0].evidence.find("75 % of its reads miss in 1.0 MiB; the other holds 20.0 MiB"), 0U)
      << all[0].evidence;
  // The other is read as much, holds less, or the one misses little: nothing to say.
  facts.classes[0].hits = 400'000;
  facts.cache.hits = 500'000;
  EXPECT_TRUE(diagnose(facts).empty());
  facts.classes[0] = idle;
  facts.classes[0].own_bytes = 100'000;
  facts.cache.payload_bytes = 1_MiB;
  EXPECT_TRUE(diagnose(facts).empty());
  facts.classes[0] = idle;
  facts.classes[1].misses = 1000;
  EXPECT_TRUE(diagnose(facts).empty());
  // Those in no class may be the ones that take the room.
  facts.cache.payload_bytes = 40_MiB;
  facts.classes = {starved};
  facts.cache.hits = 11'000;
  facts.cache.misses = 30'000;
  all = diagnose(facts);
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0].what, "Class \"hot:*\" starves beside what is in no class");
}

TEST(Doctor, SeesAPromiseThatCannotBeKept) {
  DoctorFacts facts = well();
  ClassInfo one;
  one.pattern = "a:*";
  one.limits.min = 30_MiB;
  one.min_now = 10_MiB;
  facts.classes = {one};
  EXPECT_EQ(diagnose(facts).at(0).what,
            "Class \"a:*\" is promised more than the cache can protect");
}

TEST(Doctor, TellsTheWorstFirst) {
  DoctorFacts facts = well();
  facts.allocator.resident = 50_MiB;     // a note
  facts.seen.groups[0].fields = 20'000;  // a warning
  facts.resident_bytes = 99_MiB;         // critical
  const auto all = diagnose(facts);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].severity, Severity::critical);
  EXPECT_EQ(all[2].severity, Severity::note);
  const std::string text = doctor_text(all);
  EXPECT_EQ(text.find("critical: The process is at its memory limit.\n  seen by: 99.0 MiB of "), 0U)
      << text;
  EXPECT_EQ(nlohmann::json::parse(doctor_json(all))["findings"][1]["severity"], "warning");
}

}  // namespace
}  // namespace ullage::server
