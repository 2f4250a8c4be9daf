// JSON documents as fields of groups, beside the same text kept whole and parsed by simdjson.
#include <ullage/document.h>

#include "common/arguments.h"
#include "common/caches.h"
#include "common/report.h"
#include "common/resident.h"
#include "common/rounds.h"
#include "common/text.h"
#include "common/workload.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace ullage::bench {
namespace {

constexpr std::size_t k_rounds = 31;

/// What a service keeps of a user: 20 leaves, three levels.
std::string user_document(std::uint64_t i) {
  const auto n = static_cast<unsigned long long>(i);
  return text(
      R"({"id":%llu,"name":"Ada Lovelace %llu","email":"ada%llu@example.org","active":true,)"
      R"("created":"2024-05-17T09:30:00Z","address":{"street":"%llu Some Street","city":"London",)"
      R"("zip":"N1 7AA","country":"GB"},"settings":{"theme":"dark","language":"en",)"
      R"("timezone":"Europe/London","page_size":50,"notifications":{"email":true,"push":false,)"
      R"("sms":false}},"plan":"pro","balance":%llu.25,"tags":["beta","vip"]})",
      n, n % 1000, n, n % 200, n % 5000);
}

/// A configuration of a thousand leaves: a hundred sections of ten.
std::string large_document(std::uint64_t i) {
  std::string json = "{";
  for (unsigned section = 0; section < 100; ++section) {
    if (section != 0) json += ',';
    json += text(
        R"("section_%u":{"name":"what it is called %llu","enabled":%s,"limit":%u,"ratio":0.%u,)"
        R"("owner":"team-%u","hosts":["a%u.example.org","b%u.example.org"],"retry":{"count":%u,)"
        R"("wait_ms":%u},"note":null})",
        section, static_cast<unsigned long long>(i), section % 3 == 0 ? "true" : "false",
        1000 + section * 7, 100 + section, section % 10, section, section, section % 5,
        100 * (section % 7));
  }
  return json + "}";
}
constexpr std::uint64_t k_large_leaves = 1000;

std::string group_of(std::uint64_t i) {
  return std::string(std::string_view(group_name(i)));
}

void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "document_bench: %s\n", what);
  std::exit(1);
}

void resident(const Arguments& arguments, Report& report) {
  const auto count = arguments.scaled<std::uint64_t>(100'000, 500);
  const auto measure = [&](bool as_document) {
    const ResidentMeter meter;
    Cache cache = open_cache(arguments.scaled<std::size_t>(512_MiB, 16_MiB));
    Documents documents(cache);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string group = group_of(i);
      if (as_document) {
        must(documents.put(group, user_document(i)).has_value(), "put");
      } else {
        must_set(cache, group, "json", user_document(i));
      }
    }
    while (cache.tick() == 1000) {
    }
    must(cache.group_count() == count, "documents were lost");
    return static_cast<double>(meter.added()) / static_cast<double>(count);
  };
  const double as_text = measure(false);
  const double as_document = measure(true);
  report.add(
      {.figure = "resident bytes of documents of 20 leaves, over keeping their text in one value",
       .bar = "<= 1.5 x",
       .result = text("%.2f x (%.0f B a document over %.0f B)", as_document / as_text, as_document,
                      as_text),
       .met = as_document <= 1.5 * as_text,
       .peer = "itself, the text in one value",
       .workload =
           text("%lluk documents of %zu B of text", static_cast<unsigned long long>(count / 1000),
                user_document(12'345).size())});
}

void times(const Arguments& arguments, Report& report) {
  const auto count = arguments.scaled<std::uint64_t>(200, 4);
  const auto calls = arguments.scaled<std::size_t>(400, 8);
  const std::size_t whole_calls = calls / 4;
  const std::size_t puts = calls / 40 + 1;
  Cache cache = open_cache(arguments.scaled<std::size_t>(256_MiB, 16_MiB));
  Documents documents(cache);
  std::vector<simdjson::padded_string> texts;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string json = large_document(i);
    must(documents.put(group_of(i), json).has_value(), "put");
    must_set(cache, "text " + group_of(i), "json", json);
    texts.emplace_back(json);
    if (i == 0) must(documents.get(group_of(i)).value()->text == json, "it comes back otherwise");
  }
  must(cache.group_size(group_of(0)) == k_large_leaves, "not a thousand leaves");
  simdjson::dom::parser parser;
  std::size_t bytes = 0;
  const std::string workload =
      text("%llu documents of %llu leaves, %zu B of text, in random order",
           static_cast<unsigned long long>(count), static_cast<unsigned long long>(k_large_leaves),
           texts[0].size());
  {
    Rounds rounds;
    const auto ask = [&](std::size_t round, auto one) {
      Random random(round + 1);
      return 1e9 * seconds_of([&] {
               for (std::size_t i = 0; i < calls; ++i) {
                 const std::uint64_t which = random.next() % count;
                 one(group_of(which), text("/section_%llu/retry/count",
                                           static_cast<unsigned long long>(random.next() % 100)));
               }
             }) /
             static_cast<double>(calls);
    };
    const std::size_t ours = rounds.add([&](std::size_t round) {
      return ask(round, [&](const std::string& group, const std::string& pointer) {
        bytes += documents.get(group, pointer).value()->text.size();
      });
    });
    const std::size_t theirs = rounds.add([&](std::size_t round) {
      return ask(round, [&](const std::string& group, const std::string& pointer) {
        must(cache
                 .visit("text " + group, "json",
                        [&](std::string_view json) {
                          bytes += parser.parse(json.data(), json.size())
                                               .at_pointer(pointer)
                                               .get_int64()
                                               .value_unsafe() >= 0
                                       ? 1
                                       : 0;
                        })
                 .has_value(),
             "visit");
      });
    });
    rounds.run(arguments.scaled<std::size_t>(k_rounds, 3));
    const Median ratio = rounds.ratio(theirs, ours);
    report.add({.figure = "reading a leaf, over parsing the stored text and extracting it",
                .bar = ">= 5 x faster",
                .result = text("%s (%.0f ns over %.0f ns)", ratio_text(ratio).c_str(),
                               rounds.time(ours).value, rounds.time(theirs).value),
                .met = ratio.value >= 5,
                .peer = "simdjson 3.0",
                .workload = workload});
  }
  {
    Rounds rounds;
    const auto ask = [&](std::size_t round, auto one) {
      Random random(round + 1);
      return 1e6 * seconds_of([&] {
               for (std::size_t i = 0; i < whole_calls; ++i)
                 one(random.next() % count);
             }) /
             static_cast<double>(whole_calls);
    };
    const std::size_t ours = rounds.add([&](std::size_t round) {
      return ask(round, [&](std::uint64_t which) {
        bytes += documents.get(group_of(which)).value()->text.size();
      });
    });
    const std::size_t theirs = rounds.add([&](std::size_t round) {
      return ask(round, [&](std::uint64_t which) {
        simdjson::dom::element root;
        must(parser.parse(texts[which]).get(root) == simdjson::SUCCESS, "parse");
        bytes += root.is_object() ? 1 : 0;
      });
    });
    rounds.run(arguments.scaled<std::size_t>(k_rounds, 3));
    const Median ratio = rounds.ratio(theirs, ours);
    report.add({.figure = "a whole document out as text, speed over parsing that text",
                .bar = ">= 0.5 x",
                .result = text("%s (%.1f us over %.1f us)", ratio_text(ratio).c_str(),
                               rounds.time(ours).value, rounds.time(theirs).value),
                .met = ratio.value >= 0.5,
                .peer = "simdjson 3.0",
                .workload = workload});
  }
  {
    Rounds rounds;
    const std::size_t ours = rounds.add([&](std::size_t round) {
      return 1e6 * seconds_of([&] {
               for (std::size_t i = 0; i < puts; ++i)
                 must(documents
                          .put(group_of((round + i) % count),
                               std::string_view(texts[(round * 7 + i) % count]))
                          .has_value(),
                      "put");
             }) /
             static_cast<double>(puts);
    });
    rounds.run(arguments.scaled<std::size_t>(k_rounds, 3));
    report.add({.figure = "a whole document in",
                .bar = "",
                .result = text("%.0f us", rounds.time(ours).value),
                .met = std::nullopt,
                .peer = "",
                .workload = workload});
  }
  Report::note(text("(%zu bytes read)", bytes));
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const Arguments arguments = Arguments::parse(count, words);
  Report report("document", arguments);
  resident(arguments, report);
  times(arguments, report);
  return report.finish();
}
