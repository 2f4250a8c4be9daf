// No calcification: after the sizes of values have shifted, a cache hits as often as a fresh one.
// Both get enough requests first to fill them several times over, so that what counts is how they
// go on.
#include "common/caches.h"
#include "common/report.h"
#include "common/text.h"
#include "common/zipf.h"

namespace ullage::bench {
namespace {

constexpr std::uint64_t k_fields = 10;
constexpr std::size_t k_value_after = 50;

std::uint64_t g_refused = 0;

void set(Cache& cache, std::string_view group, std::string_view field, std::string_view value) {
  if (!cache.set(group, field, value)) ++g_refused;
}

/// Look up, and set on a miss. Answers the hits.
std::uint64_t requests(Cache& cache, Zipf& zipf, std::uint64_t count, std::string_view value) {
  std::uint64_t hits = 0;
  char buffer[k_value_after];
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t entry = zipf.next();
    // Neighbours in popularity are no neighbours in a group.
    const auto group = group_name(entry * 2654435761U % (zipf.items() / k_fields));
    const auto field = field_name(entry);
    if (cache.get_into(group, field, buffer)) {
      ++hits;
    } else {
      set(cache, group, field, value);
    }
  }
  return hits;
}

/// Twice the limit in entries of other groups and of one size.
void phase(Cache& cache, std::size_t limit, std::size_t value_bytes, std::uint64_t first_group) {
  const std::string value(value_bytes, 'p');
  const std::uint64_t entries = 2 * limit / (value_bytes + k_field_bytes);
  for (std::uint64_t i = 0; i < entries; ++i) {
    set(cache, group_name(first_group + i / k_fields), field_name(i), value);
  }
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("shift", arguments);
  const auto limit = arguments.scaled<std::size_t>(16 * ullage::k_mib, 8 * ullage::k_mib);
  const auto items = arguments.scaled<std::uint64_t>(2'000'000, 100'000);
  const auto each = arguments.scaled<std::uint64_t>(3'000'000, 50'000);
  const std::string value(k_value_after, 'v');

  ullage::Cache fresh = open_cache(limit);
  ullage::Cache shifted = open_cache(limit);
  phase(shifted, limit, 100, 3'000'000);
  phase(shifted, limit, 1024, 6'000'000);
  double ratio[2] = {};
  ullage::Cache* caches[2] = {&fresh, &shifted};
  for (std::size_t i = 0; i < 2; ++i) {
    Zipf zipf(items, 0.9, 11);  // the same requests for both
    requests(*caches[i], zipf, each, value);
    ratio[i] =
        static_cast<double>(requests(*caches[i], zipf, each, value)) / static_cast<double>(each);
  }
  report.add(
      {.figure = "hit ratio after a shift of value sizes, over a fresh cache's",
       .bar = ">= 0.98 x",
       .result = text("%.3f x (%.4f, fresh %.4f; %llu sets refused)", ratio[1] / ratio[0], ratio[1],
                      ratio[0], static_cast<unsigned long long>(g_refused)),
       .met = ratio[1] >= 0.98 * ratio[0] && g_refused == 0,
       .peer = "itself, fresh",
       .workload = text("memory_limit %zu MiB; values 100 B, then 1 KiB, twice the limit each; "
                        "then Zipf 0.9 over %.1fM entries of 50 B: %.1fM requests to settle, "
                        "as many counted",
                        limit / ullage::k_mib, static_cast<double>(items) / 1e6,
                        static_cast<double>(each) / 1e6)});
  return report.finish();
}
