// What a user writes first. Built as C++20 against an installed tree.
#include <ullage/cache.h>
#include <ullage/document.h>
#include <ullage/observe/data_profile.h>
#include <ullage/observe/heap_profile.h>

#include <cstdio>
#include <string_view>
#include <utility>

static_assert(__cplusplus < 202100L, "public headers must not need more than C++20");

int main() {
  using namespace ullage::literals;
  auto opened = ullage::Cache::open({.memory_limit = 64_MiB});
  if (!opened) {
    std::puts("outside: the cache did not open");
    return 1;
  }
  ullage::Cache cache = std::move(opened).value();
  if (!cache.set("user:42", "theme", "dark")) {
    std::puts("outside: set failed");
    return 1;
  }
  const auto value = cache.get("user:42", "theme");
  if (!value || std::string_view(*value) != "dark" || cache.get("user:42", "language")) {
    std::puts("outside: get answered something else");
    return 1;
  }
  ullage::Documents documents(cache);
  if (!documents.put("user:43", R"({"cards":[{"last4":"1234"}]})") ||
      documents.get("user:43", "/cards/0/last4").value()->text != "\"1234\"") {
    std::puts("outside: a document does not come back");
    return 1;
  }
  const auto profile = ullage::observe::data_profile(cache);
  if (!profile || profile.value().resident_bytes != cache.stats().charged_bytes) {
    std::puts("outside: the profile does not add up");
    return 1;
  }
#ifdef HAS_HEAP
  constexpr bool k_samples = true;
#else
  constexpr bool k_samples = false;
#endif
  const ullage::observe::HeapSampling sampling = ullage::observe::heap_sampling();
  if (sampling.is_available != k_samples || sampling.problem.empty() != k_samples) {
    std::puts("outside: linking ullage::heap is what makes heap profiles");
    return 1;
  }
  std::puts("outside: ok");
  return 0;
}
