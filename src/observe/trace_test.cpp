#include <ullage/observe/trace.h>

#include "observe/proto_reader_testing.h"

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

/// A trace read back: what lies on each track.
struct ReadTrace {
  struct Event {
    std::uint64_t type = 0;
    std::int64_t at_ns = 0;
    std::string name;
    std::string category;
    std::uint64_t flow = 0;
    std::map<std::string, std::string> arguments;
    std::uint64_t value = 0;
  };
  std::map<std::uint64_t, std::string> tracks;
  std::map<std::uint64_t, std::uint64_t> parents;
  std::map<std::uint64_t, std::vector<Event>> events;

  explicit ReadTrace(std::string_view bytes) {
    const ProtoMessage trace(bytes);
    for (const auto& one : trace.all(1)) {
      const ProtoMessage packet = one.message();
      EXPECT_EQ(packet.number(10), 1U) << "one sequence";
      if (!packet.all(60).empty()) {
        const ProtoMessage track = packet.all(60)[0].message();
        std::string name = track.all(2).empty() ? "" : track.all(2)[0].bytes;
        if (!track.all(3).empty()) name = track.all(3)[0].message().all(6).at(0).bytes;
        if (!track.all(4).empty()) name = track.all(4)[0].message().all(5).at(0).bytes;
        tracks[track.number(1)] = name;
        parents[track.number(1)] = track.number(5);
        continue;
      }
      const ProtoMessage event = packet.all(11).at(0).message();
      Event read;
      read.type = event.number(9);
      read.at_ns = static_cast<std::int64_t>(packet.number(8));
      if (!event.all(23).empty()) read.name = event.all(23)[0].bytes;
      if (!event.all(22).empty()) read.category = event.all(22)[0].bytes;
      if (!event.all(47).empty()) read.flow = event.number(47);
      for (const auto& argument : event.all(4)) {
        const ProtoMessage pair = argument.message();
        read.arguments[pair.all(10).at(0).bytes] =
            pair.all(6).empty() ? std::to_string(pair.number(3)) : pair.all(6)[0].bytes;
      }
      read.value = event.number(30);
      events[event.number(11)].push_back(read);
    }
  }
  [[nodiscard]] std::uint64_t track(const std::string& name) const {
    for (const auto& [id, known] : tracks)
      if (known == name) return id;
    return 0;
  }
};

TraceEvent span(TraceKind kind, std::int64_t began_ns, std::int64_t took_ns) {
  TraceEvent event;
  event.kind = kind;
  event.began_ns = began_ns;
  event.took_ns = took_ns;
  return event;
}

TEST(Trace, SlicesLieInSlices) {
  TraceRecorder recorder({.events_max = 100, .duration_ns = 100'000'000});
  const std::int64_t now = TraceHook::now_ns();
  // As they are told: the inner ones first, since they end first.
  TraceEvent evicted = span(TraceKind::evict, now + 20, 0);
  evicted.entries = 3;
  evicted.bytes = 99;
  recorder.on_event(evicted);
  recorder.on_event(span(TraceKind::gather, now + 10, 30));
  recorder.on_event(span(TraceKind::make_room, now + 10, 80));
  TraceEvent command = span(TraceKind::other, now, 100);
  command.name = "hset";
  recorder.on_event(command);
  recorder.on_event(span(TraceKind::split, now + 100, 5));
  const ReadTrace trace(recorder.finish());
  ASSERT_EQ(trace.events.size(), 1U);
  std::vector<std::string> order;
  for (const auto& event : trace.events.begin()->second)
    order.push_back((event.type == 1 ? "+" : event.type == 2 ? "-" : "!") + event.name);
  EXPECT_EQ(order, (std::vector<std::string>{"+hset", "+make_room", "+gather", "!evict", "-", "-",
                                             "-", "+split", "-"}));
  const auto& all = trace.events.begin()->second;
  EXPECT_EQ(all[0].category, "program");
  EXPECT_EQ(all[3].category, "cache");
  EXPECT_EQ(all[3].arguments,
            (std::map<std::string, std::string>{{"entries", "3"}, {"bytes", "99"}}));
  EXPECT_EQ(all[4].at_ns, now + 40);
  EXPECT_EQ(all[6].at_ns, now + 100);
}

TEST(Trace, EveryThreadHasItsTrack) {
  TraceRecorder recorder({.events_max = 100, .process_name = "test"});
  const auto tell = [&] { recorder.on_event(span(TraceKind::split, TraceHook::now_ns(), 5)); };
  tell();
  std::thread(tell).join();
  recorder.counter("one", 5);
  recorder.counter("two", 7);
  recorder.counter("one", 6);
  const ReadTrace trace(recorder.finish());
  EXPECT_EQ(trace.tracks.size(), 5U) << "the process, two threads, two counters";
  EXPECT_NE(trace.track("test"), 0U);
  for (const auto& [track, parent] : trace.parents)
    EXPECT_TRUE(parent == trace.track("test") || track == trace.track("test"));
  const auto& one = trace.events.at(trace.track("one"));
  ASSERT_EQ(one.size(), 2U);
  EXPECT_EQ(one[0].type, 4U);
  EXPECT_EQ(one[0].value, 5U);
  EXPECT_EQ(one[1].value, 6U);
}

TEST(Trace, FlowsGoFromOneToTheOther) {
  TraceRecorder recorder({.events_max = 100});
  TraceEvent event = span(TraceKind::drop_group, TraceHook::now_ns(), 0);
  event.flow = 0x0102030405060708;
  recorder.on_event(event);
  event = span(TraceKind::free_pages, TraceHook::now_ns(), 7);
  event.flow = 0x0102030405060708;
  recorder.on_event(event);
  const ReadTrace trace(recorder.finish());
  const auto& events = trace.events.begin()->second;
  EXPECT_NE(events.at(0).flow, 0U);
  EXPECT_EQ(events.at(1).flow, events.at(0).flow);
}

// What the cache calls a group by is another's when that group has gone.
TEST(Trace, FlowsOfGroupsThatWereInOnePlaceAreTwo) {
  TraceRecorder recorder({.events_max = 100});
  const std::int64_t began_ns = TraceHook::now_ns();
  for (const std::int64_t at_ns : {100, 300}) {
    for (const auto& [kind, after_ns] :
         {std::pair(TraceKind::drop_group, 0), std::pair(TraceKind::free_pages, 50)}) {
      TraceEvent event = span(kind, began_ns + at_ns + after_ns, 7);
      event.flow = 5;
      recorder.on_event(event);
    }
  }
  const ReadTrace trace(recorder.finish());
  std::vector<std::uint64_t> flows;
  for (const auto& event : trace.events.begin()->second) {
    if (event.type == 1) flows.push_back(event.flow);
  }
  ASSERT_EQ(flows.size(), 4U);
  EXPECT_EQ(flows[0], flows[1]);
  EXPECT_EQ(flows[2], flows[3]);
  EXPECT_NE(flows[0], flows[2]);
}

TEST(Trace, FunctionsAreNamed) {
  TraceRecorder recorder({.events_max = 10});
  TraceEvent event = span(TraceKind::other, TraceHook::now_ns(), 0);
  event.name = "a name that is longer than what is kept of it";
  event.code = reinterpret_cast<std::uint64_t>(&span);
  recorder.on_event(event);
  const ReadTrace trace(recorder.finish());
  const auto& read = trace.events.begin()->second.at(0);
  EXPECT_EQ(read.name, "a name that is longer t");
  EXPECT_NE(read.arguments.at("function").find("span"), std::string::npos);
}

TEST(Trace, ABusyMomentDoesNotCostTheRest) {
  // A second has ten shares of a hundred events, of which each kind has four for itself.
  TraceRecorder recorder({.events_max = 1000, .duration_ns = 1'000'000'000});
  const std::int64_t now = TraceHook::now_ns();
  for (int i = 0; i < 1000; ++i)
    recorder.on_event(span(TraceKind::split, now + i, 5));
  EXPECT_EQ(recorder.kept(), 4U + 56);
  for (int i = 0; i < 10; ++i)
    recorder.on_event(span(TraceKind::no_room, now + i, 0));
  EXPECT_EQ(recorder.kept(), 64U) << "what is rare has its own";
  for (int i = 0; i < 5; ++i)
    recorder.on_event(span(TraceKind::split, now + 500'000'000 + i, 1));
  EXPECT_EQ(recorder.kept(), 69U);
  // Later than expected, and earlier than the beginning: as near as there is a share.
  recorder.on_event(span(TraceKind::split, now + 9'000'000'000, 1));
  recorder.on_event(span(TraceKind::split, 0, 1));
  EXPECT_EQ(recorder.kept(), 70U);
  const ReadTrace trace(recorder.finish());
  EXPECT_EQ(trace.events.at(trace.track("events not kept")).at(0).value, 940U + 6 + 1);
}

TEST(Trace, WithoutEventsIsATraceAllTheSame) {
  TraceRecorder recorder({.events_max = 0});
  recorder.on_event(span(TraceKind::split, 1, 1));
  EXPECT_EQ(recorder.kept(), 0U);
  EXPECT_EQ(recorder.lost(), 1U);
  EXPECT_FALSE(recorder.finish().empty());
}

}  // namespace
}  // namespace ullage::observe
