// Settings of users, by types: what README says in bytes, said in the types of a service.
#include <ullage/record.h>
#include <ullage/typed.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

using namespace ullage::literals;
using namespace std::chrono_literals;

namespace {

enum class Setting : std::uint16_t { recent_searches, pinned };

// A group that is also a struct: each member is a field, with a time to live of its own if need be.
struct Profile {
  std::string theme = "light";
  std::uint32_t font_size = 12;
  std::optional<std::string> language;

  static constexpr auto ullage_fields() {
    return std::tuple(ullage::field("theme", &Profile::theme),
                      ullage::field("font_size", &Profile::font_size),
                      ullage::field("language", &Profile::language));
  }
};

}  // namespace

int main() {
  auto cache = ullage::Cache::open({.memory_limit = 64_MiB}).value();

  // Lists by user and setting. The prefix is what classes and profiles know these groups by.
  auto lists = ullage::typed<std::uint64_t, Setting, std::vector<std::string>>(
      cache, {.group_prefix = "lists:"});
  lists.set(42, Setting::recent_searches, std::vector<std::string>{"tea", "kettle"}, {.ttl = 10min})
      .value();
  if (auto searches = lists.get(42, Setting::recent_searches))
    std::printf("searched %zu times, last for %s\n", searches->size(), searches->back().c_str());

  // What is not there yet is loaded once, however many threads ask.
  auto pinned = lists.get_or_load(42, Setting::pinned, [] {
    return ullage::LoadedAs<std::vector<std::string>>{.value = {{"teapot"}}, .ttl = 1h};
  });
  std::printf("pinned: %s\n", pinned.value()->front().c_str());

  // A whole user in one step, and read as it is at one moment.
  ullage::write_record(cache, "user:42", Profile{.theme = "dark", .language = "en"}).value();
  cache.erase("user:42", "font_size");
  if (auto user = ullage::read_record<Profile>(cache, "user:42").value()) {
    std::printf("theme %s, font size %u%s\n", user->value.theme.c_str(), user->value.font_size,
                user->is_complete() ? "" : " (some by default)");
  }
}
