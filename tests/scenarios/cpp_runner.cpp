// Runs a scenario against the C++ library: what it prints is what all bindings have to print.
#include <ullage/cache.h>
#include <ullage/document.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t k_shown_max = 60;

std::string shown(std::string_view bytes) {
  constexpr std::string_view k_plain = "-_.:/";
  std::string text;
  for (const char c : bytes.substr(0, k_shown_max)) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || k_plain.find(c) != std::string_view::npos;
    if (is_plain) {
      text += c;
    } else {
      std::array<char, 4> code{};
      std::snprintf(code.data(), code.size(), "%%%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += code.data();
    }
  }
  if (bytes.size() > k_shown_max) text += "...(" + std::to_string(bytes.size()) + ")";
  return text;
}

std::string unescaped(std::string_view word) {
  std::string bytes;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '%' && i + 2 < word.size()) {
      unsigned code = 0;
      std::from_chars(word.data() + i + 1, word.data() + i + 3, code, 16);
      bytes += static_cast<char>(code);
      i += 2;
    } else {
      bytes += word[i];
    }
  }
  return bytes;
}

// "*3:ab" is "ababab"; several may follow each other.
std::string decoded(std::string_view word) {
  std::string bytes;
  while (word.starts_with('*')) {
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos) break;
    std::size_t times = 0;
    const auto read = std::from_chars(word.data() + 1, word.data() + colon, times);
    if (read.ptr != word.data() + colon) break;
    std::size_t end = word.find('*', colon);
    if (end == std::string_view::npos) end = word.size();
    const std::string what = unescaped(word.substr(colon + 1, end - colon - 1));
    for (std::size_t i = 0; i < times; ++i)
      bytes += what;
    word.remove_prefix(end);
  }
  return bytes + unescaped(word);
}

Words words_of(const std::string& line) {
  Words words;
  std::size_t begin = 0;
  while (true) {
    const std::size_t tab = line.find('\t', begin);
    words.push_back(decoded(std::string_view(line).substr(begin, tab - begin)));
    if (tab == std::string::npos) return words;
    begin = tab + 1;
  }
}

std::string error_text(const Error& error) {
  // C names the miss that is a failure apart from the one that is none.
  const std::string name =
      error.code == Errc::not_found ? "missing" : std::string(to_string(error.code));
  return "error " + name + ": " + error.message;
}
std::string yes(bool is_so) {
  return is_so ? "yes" : "no";
}

class Runner {
 public:
  Runner() {
    Options options;
    options.memory_limit = k_memory_limit_min_bytes;
    options.maintenance = Maintenance::manual;
    options.clock = clock_;
    options.on_removal = [this](const Removal& removal) {
      ++removals_[std::string(to_string(removal.cause))];
    };
    cache_.emplace(Cache::open(std::move(options)).value());
  }

  std::string run(const Words& words) {
    if (words[0] == "close") return cache_.reset(), "ok";
    if (!cache_) return "error closed";
    const auto call = calls_.find(words[0]);
    if (call == calls_.end()) return "no such call";
    return call->second(words);
  }

 private:
  template <class T>
  static std::string ok(const Result<T>& done) {
    return done ? "ok" : error_text(done.error());
  }
  static std::string ok(const Result<bool>& done) {
    return done ? yes(*done) : error_text(done.error());
  }
  static std::string told(const Result<SetOutcome>& done) {
    if (!done) return error_text(done.error());
    constexpr std::array<const char*, 3> k_names{"inserted", "replaced", "unchanged"};
    return k_names[static_cast<std::size_t>(*done)];
  }
  static std::string value(std::optional<std::string_view> bytes) {
    return bytes ? "value " + shown(*bytes) : "none";
  }
  static std::string ttl(const std::optional<Ttl>& left) {
    if (!left) return "none";
    return left->remaining ? std::to_string(left->remaining->count()) : "never";
  }
  static std::optional<Millis> ttl_of(const std::string& ms) {
    const long long number = std::stoll(ms);
    if (number == 0) return std::nullopt;
    return Millis(number);
  }
  static SetOptions set_options(const Words& words, std::size_t from) {
    SetOptions options;
    for (std::size_t i = from; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word.starts_with("ttl=")) options.ttl = ttl_of(word.substr(4));
      if (word == "keep") options.keep_ttl = true;
      if (word == "if=absent") options.condition = Condition::if_absent;
      if (word == "if=present") options.condition = Condition::if_present;
    }
    return options;
  }
  static std::string listed(std::vector<std::pair<std::string, std::string>> entries) {
    std::sort(entries.begin(), entries.end());
    std::string text = std::to_string(entries.size());
    for (const auto& [name, what] : entries)
      text += " " + shown(name) + "=" + shown(what);
    return text;
  }

  std::string get_many(const Words& words) {
    std::vector<Key> keys;
    for (std::size_t i = 2; i < words.size(); ++i)
      keys.push_back({words[1], words[i]});
    std::vector<std::optional<Value>> values(keys.size());
    if (const auto done = cache_->get_many(keys, values); !done) return error_text(done.error());
    std::string text = std::to_string(values.size());
    for (const auto& one : values)
      text += one ? " " + value(one->view()) : " none";
    return text;
  }
  std::string set_many(const Words& words) {
    std::size_t written = 0;
    for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
      const auto done = cache_->set(words[1], words[i], words[i + 1]);
      if (!done) return std::to_string(written) + " " + error_text(done.error());
      ++written;
    }
    return std::to_string(written);
  }
  std::string for_each(const Words& words) {
    std::vector<std::pair<std::string, std::string>> entries;
    cache_
        ->for_each(words[1], [&](std::string_view field,
                                 std::string_view bytes) { entries.emplace_back(field, bytes); })
        .value();
    return listed(std::move(entries));
  }
  std::string list() {
    std::vector<std::pair<std::string, std::string>> groups;
    cache_
        ->for_each_group([&](std::string_view group, std::uint64_t fields) {
          groups.emplace_back(group, std::to_string(fields));
        })
        .value();
    return listed(std::move(groups));
  }
  std::string scan(const Words& words) {
    std::map<std::string, std::string> entries;
    Cursor cursor = 0;
    do {
      cursor = cache_
                   ->scan(words[1], cursor, std::stoull(words[2]),
                          [&](std::string_view field, std::string_view bytes) {
                            entries[std::string(field)] = bytes;
                          })
                   .value();
    } while (cursor != 0);
    return listed({entries.begin(), entries.end()});
  }
  std::string scan_groups(const Words& words) {
    std::map<std::string, std::string> groups;
    Cursor cursor = 0;
    do {
      cursor = cache_
                   ->scan_groups(cursor, std::stoull(words[1]),
                                 [&](std::string_view group, std::uint64_t fields) {
                                   groups[std::string(group)] = std::to_string(fields);
                                 })
                   .value();
    } while (cursor != 0);
    return listed({groups.begin(), groups.end()});
  }
  std::string load(const Words& words) {
    const auto loader = [&](std::string_view /*group*/, std::string_view /*field*/) {
      if (words[3] == "none") return Loaded::absent();
      if (words[3] == "fail") return Loaded::failed(words[4]);
      return Loaded::of(words[4], words.size() > 5 ? ttl_of(words[5]) : std::nullopt);
    };
    const auto found = cache_->get_or_load(words[1], words[2], loader);
    if (!found) return error_text(found.error());
    return *found ? value((*found)->view()) : "none";
  }
  std::string json_get(const Words& words) {
    const auto found = Documents(*cache_).get(words[1], words[2]);
    if (!found) return error_text(found.error());
    if (!*found) return "none";
    return "json " + (*found)->text + ((*found)->is_complete ? "" : " incomplete");
  }
  std::string json_erase(const Words& words) {
    const auto done = Documents(*cache_).erase(words[1], words[2]);
    if (!done) return error_text(done.error());
    if (done->outcome != JsonErased::Outcome::erased) return "none";
    return std::to_string(done->leaves);
  }
  std::string removals() {
    std::string text = "removals";
    for (const auto& [cause, count] : removals_)
      text += " " + cause + "=" + std::to_string(count);
    return text;
  }
  std::string stats() {
    const Stats now = cache_->stats();
    return "entries=" + std::to_string(now.entries) + " groups=" + std::to_string(now.groups) +
           " limit=" + std::to_string(now.memory_limit) +
           " erased=" + std::to_string(now.removed(RemovalCause::erased));
  }

  using Call = std::function<std::string(const Words&)>;
  const std::map<std::string, Call> calls_{
      {"set",
       [this](const Words& w) { return told(cache_->set(w[1], w[2], w[3], set_options(w, 4))); }},
      {"get",
       [this](const Words& w) {
         const auto found = cache_->get(w[1], w[2]);
         return found ? value(found->view()) : "none";
       }},
      {"contains", [this](const Words& w) { return yes(cache_->contains(w[1], w[2])); }},
      {"erase", [this](const Words& w) { return yes(cache_->erase(w[1], w[2])); }},
      {"size", [this](const Words&) { return std::to_string(cache_->size()); }},
      {"groups", [this](const Words&) { return std::to_string(cache_->group_count()); }},
      {"group_size", [this](const Words& w) { return std::to_string(cache_->group_size(w[1])); }},
      {"increment",
       [this](const Words& w) {
         const auto sum = cache_->increment(w[1], w[2], std::stoll(w[3]));
         return sum ? std::to_string(*sum) : error_text(sum.error());
       }},
      {"compare_and_set",
       [this](const Words& w) { return ok(cache_->compare_and_set(w[1], w[2], w[3], w[4])); }},
      {"ttl", [this](const Words& w) { return ttl(cache_->ttl(w[1], w[2])); }},
      {"group_ttl", [this](const Words& w) { return ttl(cache_->group_ttl(w[1])); }},
      {"expire", [this](const Words& w) { return ok(cache_->expire(w[1], w[2], ttl_of(w[3]))); }},
      {"expire_group",
       [this](const Words& w) { return ok(cache_->expire_group(w[1], ttl_of(w[2]))); }},
      {"advance",
       [this](const Words& w) { return clock_->advance(Millis(std::stoll(w[1]))), "ok"; }},
      {"get_many", [this](const Words& w) { return get_many(w); }},
      {"set_many", [this](const Words& w) { return set_many(w); }},
      {"for_each", [this](const Words& w) { return for_each(w); }},
      {"list", [this](const Words&) { return list(); }},
      {"scan", [this](const Words& w) { return scan(w); }},
      {"scan_groups", [this](const Words& w) { return scan_groups(w); }},
      {"erase_group", [this](const Words& w) { return yes(cache_->erase_group(w[1])); }},
      {"rename_group",
       [this](const Words& w) { return ok(cache_->rename_group(w[1], w[2], w.size() > 3)); }},
      {"group_limits",
       [this](const Words& w) {
         return ok(cache_->set_group_limits(
             w[1], {std::stoull(w[2]), std::stoull(w[3]), Millis(std::stoll(w[4]))}));
       }},
      {"clear", [this](const Words&) { return cache_->clear(), "ok"; }},
      {"tick",
       [this](const Words&) {
         while (cache_->tick() == 1000) {
         }
         return "ok";
       }},
      {"load", [this](const Words& w) { return load(w); }},
      {"define_class",
       [this](const Words& w) {
         return ok(cache_->define_class(w[1], {.max = std::stoull(w[2])}));
       }},
      {"remove_class", [this](const Words& w) { return ok(cache_->remove_class(w[1])); }},
      {"json_put", [this](const Words& w) { return ok(Documents(*cache_).put(w[1], w[2], w[3])); }},
      {"json_get", [this](const Words& w) { return json_get(w); }},
      {"json_erase", [this](const Words& w) { return json_erase(w); }},
      {"json_merge",
       [this](const Words& w) { return ok(Documents(*cache_).merge(w[1], "", w[2])); }},
      {"json_patch", [this](const Words& w) { return ok(Documents(*cache_).patch(w[1], w[2])); }},
      {"removals", [this](const Words&) { return removals(); }},
      {"stats", [this](const Words&) { return stats(); }},
      {"validate", [this](const Words&) { return cache_->validate().ok ? "ok" : "not balanced"; }},
  };

  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>(1'000'000);
  std::map<std::string, int> removals_;
  std::optional<Cache> cache_;
};

int run_file(const char* path) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path);
    return 2;
  }
  Runner runner;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    const Words words = words_of(line);
    std::printf("%d %s %s\n", number, words[0].c_str(), runner.run(words).c_str());
  }
  return 0;
}

}  // namespace
}  // namespace ullage

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s SCENARIO\n", words[0]);
    return 2;
  }
  return ullage::run_file(words[1]);
}
