#include "server/profile_pages.h"

#include <ullage/observe/cpu_profile.h>
#include <ullage/observe/data_profile.h>
#include <ullage/observe/heap_profile.h>
#include <ullage/observe/symbol_lookup.h>

#include "server/data_profile_options.h"
#include "server/query.h"
#include "server/settings.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace ullage::server {

struct ProfilePages::Row {
  std::string_view name;
  std::string_view help;  ///< in HTML
  AdminAnswer (ProfilePages::*open)(const AdminRequest&);
  bool may_post = false;
};

constexpr ProfilePages::Row ProfilePages::k_rows[] = {
    {"data",
     "Who owns the cache's bytes: role, fields, groups, class. <code>?slabs=N</code> looks at N "
     "slabs that stand for all.",
     &ProfilePages::data},
    {"growth",
     "What has come since somebody in the cache began to grow without an end: the difference of "
     "two "
     "data profiles, as the doctor tells of it.",
     &ProfilePages::growth},
    {"heap",
     "Which functions own the memory outside of the cache, by samples of allocations that are "
     "live. <code>?gc=1</code> gives back free memory first, <code>?debug=1</code> is for people.",
     &ProfilePages::heap},
    {"allocs", "The same samples; tools show first what was ever allocated.",
     &ProfilePages::allocs},
    {"profile",
     "Which functions use the processor, by samples for <code>?seconds=N</code> (30), "
     "<code>?hz=N</code> (100) times a second of it.",
     &ProfilePages::cpu},
    {"sampling",
     "How often allocations are sampled. <code>POST ?heap_bytes=N</code> with the admin token "
     "changes it: one in N bytes, 0 for none.",
     &ProfilePages::sampling, true},
    {"symbol", "Names of functions: <code>?0xADDRESS+0xADDRESS</code>, or so in a POST.",
     &ProfilePages::symbol, true},
    {"cmdline", "How the process was started.", &ProfilePages::cmdline},
};

namespace {

AdminResponse refused_for(const Error& error) {
  return refused(error.code == Errc::invalid_argument ? 400 : 503, error.message);
}
constexpr const char* k_no_memory =
    "there is no memory for a profile now: clients hold what there is";

/// The page keeps what it has taken for as long as the client takes the answer: as much as that.
AdminResponse profile_response(std::string gzipped, std::string file_name,
                               command::TakenBytes& held) {
  held.keep(gzipped.size());
  return {.content_type = "application/octet-stream",
          .body = std::move(gzipped),
          .file_name = std::move(file_name)};
}

class DataPage final : public AdminPage {
 public:
  DataPage(Cache& cache, observe::DataProfileOptions options, command::TakenBytes held)
      : held_(std::move(held)), profiler_(std::in_place, cache, std::move(options)) {}

  bool step() override {
    // So many entries that a probe waits for some milliseconds at most.
    constexpr std::uint64_t k_slabs_a_step = 4;
    const auto done = profiler_->step(k_slabs_a_step);
    return !done || *done;  // nothing can go wrong here: no callback of update() comes this way
  }
  AdminResponse response() override {
    std::string gzipped = profiler_->finish().gzipped;
    profiler_.reset();
    return profile_response(std::move(gzipped), "data.pb.gz", held_);
  }

 private:
  command::TakenBytes held_;
  std::optional<observe::DataProfiler> profiler_;
};

/// What was made before anybody asked.
class KeptPage final : public AdminPage {
 public:
  KeptPage(std::string gzipped, std::string file_name, command::TakenBytes held)
      : held_(std::move(held)), gzipped_(std::move(gzipped)), file_name_(std::move(file_name)) {}

  bool step() override { return true; }
  AdminResponse response() override {
    return profile_response(std::move(gzipped_), std::move(file_name_), held_);
  }

 private:
  command::TakenBytes held_;
  std::string gzipped_;
  std::string file_name_;
};

class HeapPage final : public AdminPage {
 public:
  struct Options {
    observe::HeapProfileOptions profile;
    command::ByteBudget& held;
    bool is_text = false;
  };
  explicit HeapPage(const Options& options) : options_(options), held_(options.held) {}

  bool step() override {
    if (profiler_) return profiler_->step();
    options_.profile.may_hold = [this](std::size_t bytes) { return held_.take(bytes); };
    auto begun = observe::HeapProfiler::begin(options_.profile);
    if (!begun) {
      problem_ = begun.error();
      return true;
    }
    profiler_ = std::move(*begun);
    return false;
  }
  AdminResponse response() override {
    if (!profiler_) return refused_for(problem_);
    std::string made =
        options_.is_text ? profiler_->text(held_.bytes() / 2) : profiler_->finish().gzipped;
    profiler_.reset();
    if (!options_.is_text) {
      return profile_response(std::move(made),
                              options_.profile.shows_all ? "allocs.pb.gz" : "heap.pb.gz", held_);
    }
    held_.keep(made.size());
    return {.body = std::move(made)};
  }

 private:
  Options options_;
  command::TakenBytes held_;
  std::optional<observe::HeapProfiler> profiler_;
  Error problem_{};
};

class CpuPage final : public AdminPage {
 public:
  CpuPage(const command::CommandClock& clock, const observe::CpuProfileOptions& options,
          std::int64_t duration_ms, command::TakenBytes held)
      : clock_(clock), options_(options), duration_ms_(duration_ms), held_(std::move(held)) {}

  bool step() override {
    if (!profiler_) {
      auto begun = observe::CpuProfiler::begin(options_);
      if (!begun) {
        problem_ = begun.error();
        return true;
      }
      profiler_ = std::move(*begun);
      begun_ms_ = clock_.running_ms();
      return false;
    }
    if (!is_stopped_) {
      profiler_->stop((clock_.running_ms() - begun_ms_) * 1'000'000);
      is_stopped_ = true;
      if (profiler_->samples() == 0) {
        problem_ = {Errc::busy, "the process used next to no processor time: there is no sample"};
        profiler_.reset();
        return true;
      }
    }
    return profiler_->step();
  }
  std::int64_t wait_ms() const override {
    if (!profiler_ || is_stopped_) return 0;
    return std::max<std::int64_t>(begun_ms_ + duration_ms_ - clock_.running_ms(), 0);
  }
  AdminResponse response() override {
    if (!profiler_) return refused_for(problem_);
    std::string gzipped = profiler_->finish().gzipped;
    profiler_.reset();
    return profile_response(std::move(gzipped), "profile.pb.gz", held_);
  }

 private:
  const command::CommandClock& clock_;
  observe::CpuProfileOptions options_;
  std::int64_t duration_ms_;
  command::TakenBytes held_;
  std::optional<observe::CpuProfiler> profiler_;
  std::int64_t begun_ms_ = 0;
  bool is_stopped_ = false;
  Error problem_{};
};

/// Addresses with plus signs in between; none if it is something else.
std::optional<std::vector<std::uint64_t>> addresses_of(std::string_view text) {
  std::vector<std::uint64_t> addresses;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('+'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::string_view digits = one.starts_with("0x") ? one.substr(2) : one;
    std::uint64_t address = 0;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
    if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    addresses.push_back(address);
  }
  return addresses;
}

class SymbolPage final : public AdminPage {
 public:
  SymbolPage(std::vector<std::uint64_t> addresses, command::TakenBytes held)
      : held_(std::move(held)), addresses_(std::move(addresses)), lookup_(addresses_) {}

  bool step() override { return lookup_.step(); }
  AdminResponse response() override {
    // How many there are is not said: one, as Go has it, tells that there are any.
    std::string text = "num_symbols: 1\n";
    for (const std::uint64_t address : addresses_) {
      const std::string name = lookup_.name(address);
      char number[24];
      std::snprintf(number, sizeof number, "0x%llx ", static_cast<unsigned long long>(address));
      if (!name.empty()) text += number + name + "\n";
    }
    return {.body = std::move(text)};
  }

 private:
  command::TakenBytes held_;
  std::vector<std::uint64_t> addresses_;
  observe::SymbolLookup lookup_;
};

}  // namespace

std::optional<AdminAnswer> ProfilePages::open(std::string_view name, const AdminRequest& request) {
  if (name.empty()) return index(request);
  const auto row = std::ranges::find(k_rows, name, &Row::name);
  if (row == std::end(k_rows)) return std::nullopt;
  if (request.method == AdminRequest::Method::post && !row->may_post)
    return refused(405, "GET or HEAD");
  return (this->*row->open)(request);
}

AdminAnswer ProfilePages::index(const AdminRequest& /*request*/) {
  std::string text = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>ullage: profiles</title></head><body>
<h1>Profiles</h1>
<p>Read them with <code>go tool pprof http://HOST:PORT/debug/pprof/NAME</code>.</p>
<table>
)";
  for (const Row& row : k_rows) {
    const std::string name(row.name);
    text.append("<tr><td><a href=\"").append(name).append("\">").append(name).append("</a></td>");
    text.append("<td>").append(row.help).append("</td></tr>\n");
  }
  return AdminResponse{.content_type = "text/html; charset=utf-8",
                       .body = text + "</table></body></html>\n"};
}

AdminAnswer ProfilePages::cmdline(const AdminRequest& /*request*/) {
  // Words separated by zero bytes, as Go has it.
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string words((std::istreambuf_iterator<char>(file)), {});
  std::string text = without_secrets(words);
  while (text.ends_with('\0'))
    text.pop_back();
  return AdminResponse{.body = std::move(text)};
}

AdminAnswer ProfilePages::data(const AdminRequest& request) {
  const auto query = Query::parse(request.query);
  if (!query) return refused(400, "the query cannot be read");
  if (const auto unknown = query->unknown({"slabs"}))
    return refused(400, "there is no such parameter; there is slabs");
  constexpr std::uint64_t k_any = ~std::uint64_t{0};
  const auto slabs = query->number("slabs", {.least = 1, .most = k_any, .otherwise = 0});
  if (!slabs) return refused(400, "slabs must be a number from 1");

  command::TakenBytes taken(held_);
  auto options =
      data_profile_options(clock_, held_, taken, observe::DataProfileOptions().patterns_max);
  if (!options) return refused(503, k_no_memory);
  options->slabs_max = *slabs;
  return std::make_unique<DataPage>(cache_, std::move(*options), std::move(taken));
}

AdminAnswer ProfilePages::growth(const AdminRequest& request) {
  const auto query = Query::parse(request.query);
  if (!query || query->unknown({})) return refused(400, "there is no parameter");
  const GrowthProfile::Change* const change = growth_.change();
  if (change == nullptr) return refused(404, growth_.problem());
  command::TakenBytes taken(held_);
  if (!taken.take(change->gzipped.size())) return refused(503, k_no_memory);
  return std::make_unique<KeptPage>(change->gzipped, "growth.pb.gz", std::move(taken));
}

AdminAnswer ProfilePages::heap(const AdminRequest& request) {
  return heap_page(request, false);
}
AdminAnswer ProfilePages::allocs(const AdminRequest& request) {
  return heap_page(request, true);
}

AdminAnswer ProfilePages::heap_page(const AdminRequest& request, bool shows_all) {
  const auto query = Query::parse(request.query);
  if (!query) return refused(400, "the query cannot be read");
  if (query->has("seconds"))
    return refused(400, "take two profiles, and compare them: go tool pprof -base FIRST SECOND");
  if (const auto unknown = query->unknown({"gc", "debug"}))
    return refused(400, "there is no such parameter; there are gc and debug");
  const auto purges = query->number("gc", {.least = 0, .most = 1, .otherwise = 0});
  const auto debug = query->number("debug", {.least = 0, .most = 2, .otherwise = 0});
  if (!purges || !debug) return refused(400, "gc is 0 or 1, debug 0, 1 or 2");
  return std::make_unique<HeapPage>(HeapPage::Options{
      .profile = {.shows_all = shows_all, .purges = *purges == 1, .unix_ns = unix_ns()},
      .held = held_,
      .is_text = *debug != 0});
}

AdminAnswer ProfilePages::cpu(const AdminRequest& request) {
  const auto query = Query::parse(request.query);
  if (!query) return refused(400, "the query cannot be read");
  if (const auto unknown = query->unknown({"seconds", "hz"}))
    return refused(400, "there is no such parameter; there are seconds and hz");
  const auto seconds = query->number(
      "seconds", {.least = 1, .most = k_cpu_seconds_max, .otherwise = k_cpu_seconds_default});
  const auto hertz = query->number(
      "hz", {.least = 1, .most = observe::CpuProfileOptions::k_hertz_max, .otherwise = 100});
  if (!seconds || !hertz) {
    return refused(400, "seconds is a number from 1 to " + std::to_string(k_cpu_seconds_max) +
                            ", hz one from 1 to " +
                            std::to_string(observe::CpuProfileOptions::k_hertz_max));
  }
  observe::CpuProfileOptions options;
  options.hertz = static_cast<std::uint32_t>(*hertz);
  options.unix_ns = unix_ns();
  // The stacks, their names, and both as they are written: half of what is left stays for clients.
  constexpr std::size_t k_times = 4;
  options.stacks_max_bytes =
      std::min(options.stacks_max_bytes, (held_.limit_bytes() - held_.used_bytes()) / 2 / k_times);
  command::TakenBytes held(held_);
  if (!held.take(options.stacks_max_bytes * k_times)) return refused(503, k_no_memory);
  return std::make_unique<CpuPage>(clock_, options, static_cast<std::int64_t>(*seconds) * 1000,
                                   std::move(held));
}

AdminAnswer ProfilePages::symbol(const AdminRequest& request) {
  auto addresses =
      addresses_of(request.method == AdminRequest::Method::post ? request.body : request.query);
  if (!addresses) return refused(400, "addresses are hexadecimal, with plus signs in between");
  std::ranges::sort(*addresses);
  addresses->erase(std::ranges::unique(*addresses).begin(), addresses->end());
  constexpr std::size_t k_a_name = 512;
  command::TakenBytes held(held_);
  if (!held.take(addresses->size() * k_a_name)) return refused(503, k_no_memory);
  return std::make_unique<SymbolPage>(std::move(*addresses), std::move(held));
}

AdminAnswer ProfilePages::sampling(const AdminRequest& request) {
  if (request.method == AdminRequest::Method::post) {
    if (!request.is_authorized) return refused_without_token();
    const auto query = Query::parse(request.query);
    if (!query || query->unknown({"heap_bytes"}) || !query->has("heap_bytes"))
      return refused(400, "there is one parameter, heap_bytes");
    const auto bytes = query->number(
        "heap_bytes", {.least = 0, .most = observe::k_heap_sample_max_bytes, .otherwise = 0});
    if (!bytes) return refused(400, "heap_bytes is a number of bytes, 0 for none");
    if (const auto done = observe::set_heap_sampling(*bytes); !done)
      return refused_for(done.error());
  }
  const observe::HeapSampling heap = observe::heap_sampling();
  nlohmann::ordered_json shown{{"available", heap.is_available}};
  if (heap.is_available) {
    shown["active"] = heap.is_active;
    shown["sample_bytes"] = heap.sample_bytes;
  } else {
    shown["problem"] = heap.problem;
  }
  return AdminResponse{.content_type = "application/json",
                       .body = nlohmann::ordered_json{{"heap", shown}}.dump(2) + "\n"};
}

}  // namespace ullage::server
