// MEMORY and our own commands about limits and bytes: UL.LIMIT, UL.TOP, UL.VALIDATE.
#include "command/call.h"
#include "command/families.h"
#include "command/growth.h"
#include "command/host.h"
#include "command/keyspace.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace ullage::command {

namespace {

// --- MEMORY ---

void usage(Call& call) {
  if (call.args.size() == 5) {
    if (!call.is_word(3, "SAMPLES")) return call.syntax_error();
    if (!call.integer_in(4, 0, INT64_MAX)) return;  // we count, whatever it says
  } else if (call.args.size() != 3) {
    return call.syntax_error();
  }
  const Key key = call.key(2);
  const auto info = call.cache().group_info(key.group());
  if (!info) return call.reply.null();
  call.reply.integer(static_cast<std::int64_t>(info->resident_bytes));
}

void stats(Call& call) {
  const Stats all = call.cache().stats();
  const std::vector<Fact> facts = call.services.host.facts("memory");
  const std::array<std::pair<std::string_view, std::uint64_t>, 7> counts{{
      {"keys.count", all.groups},
      {"entries.count", all.entries},
      {"arena.limit-bytes", all.memory_limit},
      {"arena.charged-bytes", all.charged_bytes},
      {"arena.live-page-bytes", all.live_page_bytes},
      {"dataset.bytes", all.payload_bytes},
      {"arena.headroom-bytes", all.headroom_bytes},
  }};
  call.reply.map(counts.size() + facts.size());
  for (const auto& [name, value] : counts) {
    call.reply.bulk(name);
    call.reply.integer(static_cast<std::int64_t>(value));
  }
  for (const Fact& fact : facts) {
    call.reply.bulk(fact.name);
    call.reply.bulk(fact.value);
  }
}

void purge(Call& call) {
  // A bounded share of the work that waits; the rest follows by itself.
  constexpr std::size_t k_steps = 10'000;
  call.cache().tick(k_steps);
  call.reply.ok();
}

void doctor(Call& call) {
  const Stats all = call.cache().stats();
  std::string text;
  if (all.entries == 0) {
    text = "The cache is empty: there is nothing to say about its memory yet.\n";
  } else {
    const double live = static_cast<double>(all.live_page_bytes) /
                        static_cast<double>(std::max<std::uint64_t>(all.charged_bytes, 1));
    text = std::to_string(all.entries) + " entries in " + std::to_string(all.groups) +
           " keys take " + std::to_string(all.charged_bytes) + " of " +
           std::to_string(all.memory_limit) + " bytes, " +
           std::to_string(static_cast<int>(live * 100)) + " % of them in pages in use.\n";
    if (all.removed(RemovalCause::evicted) != 0) {
      text += "The limit has evicted " + std::to_string(all.removed(RemovalCause::evicted)) +
              " entries: hit ratio " + std::to_string(static_cast<int>(all.hit_ratio() * 100)) +
              " %. UL.TOP names the largest keys.\n";
    }
  }
  // Names of groups are for those who may see all of them.
  if (call.session.user && call.session.user->is_unlimited()) text += call.services.host.doctor();
  call.reply.verbatim("txt", text);
}

// --- UL. ---

void reply_limits(Call& call, const GroupLimits& limits) {
  call.reply.map(3);
  call.reply.bulk("max-fields");
  call.reply.integer(static_cast<std::int64_t>(limits.max_fields));
  call.reply.bulk("max-bytes");
  call.reply.integer(static_cast<std::int64_t>(limits.max_bytes));
  call.reply.bulk("idle-ms");
  call.reply.integer(limits.idle_ttl.count());
}

void limit(Call& call) {
  const Key key = call.key(1);
  if (call.args.size() == 2) {
    const auto limits = call.cache().group_limits(key.group());
    return limits ? reply_limits(call, *limits) : call.reply.null();
  }
  if (call.args.size() % 2 != 0) return call.syntax_error();
  const Writing held(call, key, Writing::Changes::several);
  auto limits = call.cache().group_limits(key.group());
  if (!limits) return call.reply.null();
  for (std::size_t i = 2; i < call.args.size(); i += 2) {
    const auto value = call.integer_in(i + 1, 0, INT64_MAX);
    if (!value) return;
    if (call.is_word(i, "MAXFIELDS")) {
      limits->max_fields = static_cast<std::uint64_t>(*value);
    } else if (call.is_word(i, "MAXBYTES")) {
      limits->max_bytes = static_cast<std::uint64_t>(*value);
    } else if (call.is_word(i, "IDLE")) {
      limits->idle_ttl = Millis(*value);
    } else {
      return call.syntax_error();
    }
  }
  const auto done = call.cache().set_group_limits(key.group(), *limits);
  if (!done) return call.refused(done.error());
  *done ? call.reply.ok() : call.reply.null();
}

// --- UL.TOP ---

enum class By : std::uint8_t { bytes, fields, growth };

struct Ranked {
  std::string key;
  GroupInfo info;
  std::int64_t growth_bytes = 0;
  std::int64_t measure = 0;
};

/// The largest of many, by their measure.
class Largest {
 public:
  explicit Largest(std::size_t count) noexcept : count_(count) {}

  /// Whether one of this measure would be kept.
  [[nodiscard]] bool keeps(std::int64_t measure) const noexcept {
    return heap_.size() < count_ || measure > heap_.front().measure;
  }
  void add(Ranked one) {
    if (heap_.size() == count_) {
      std::pop_heap(heap_.begin(), heap_.end(), larger);
      heap_.pop_back();
    }
    heap_.push_back(std::move(one));
    std::push_heap(heap_.begin(), heap_.end(), larger);
  }
  /// The largest first. Ends it.
  [[nodiscard]] std::vector<Ranked> take() {
    std::sort_heap(heap_.begin(), heap_.end(), larger);
    return std::move(heap_);
  }

 private:
  static bool larger(const Ranked& a, const Ranked& b) noexcept { return a.measure > b.measure; }

  std::size_t count_;
  std::vector<Ranked> heap_;  // the smallest in front
};

struct TopOptions {
  By by = By::bytes;
  std::size_t count = 10;
};

std::optional<TopOptions> parse_top(Call& call) {
  constexpr std::int64_t k_most = 100;
  TopOptions options;
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    if (call.is_word(i, "BYTES")) {
      options.by = By::bytes;
    } else if (call.is_word(i, "FIELDS")) {
      options.by = By::fields;
    } else if (call.is_word(i, "GROWTH")) {
      options.by = By::growth;
    } else if (call.is_word(i, "COUNT") && i + 1 < call.args.size()) {
      const auto given = call.integer_in(++i, 1, k_most, "ERR COUNT is a number from 1 to 100");
      if (!given) return std::nullopt;
      options.count = static_cast<std::size_t>(*given);
    } else {
      call.syntax_error();
      return std::nullopt;
    }
  }
  return options;
}

void reply_top(Call& call, const std::vector<Ranked>& ranked, std::optional<std::int64_t> over_ms) {
  call.reply.array(ranked.size());
  for (const Ranked& one : ranked) {
    call.reply.map(over_ms ? 6 : 4);
    call.reply.bulk("key");
    call.reply.bulk(one.key);
    call.reply.bulk("fields");
    call.reply.integer(static_cast<std::int64_t>(one.info.fields));
    call.reply.bulk("payload-bytes");
    call.reply.integer(static_cast<std::int64_t>(one.info.payload_bytes));
    call.reply.bulk("resident-bytes");
    call.reply.integer(static_cast<std::int64_t>(one.info.resident_bytes));
    if (!over_ms) continue;
    call.reply.bulk("growth-bytes");
    call.reply.integer(one.growth_bytes);
    call.reply.bulk("growth-ms");
    call.reply.integer(*over_ms);
  }
}

class TopWork {
 public:
  TopWork(const Call& call, const TopOptions& options)
      : options_(options),
        largest_(options.count),
        before_(by_growth() ? call.services.growth.last(call.session.user->name())
                            : GrowthSample()),
        now_(call.now_ms()) {}

  bool visit(const Call& call, std::string_view group, std::string_view key) {
    const auto info = call.cache().group_info(group);
    if (!info) return true;
    Ranked one{{}, *info, 0, 0};
    if (by_growth()) {
      now_.add(group, info->resident_bytes);
      one.growth_bytes = before_.growth_of(group, info->resident_bytes);
    }
    one.measure = measure_of(one);
    if (!largest_.keeps(one.measure)) return true;
    one.key = key;
    largest_.add(std::move(one));
    return true;
  }
  void end(Call& call) {
    std::optional<std::int64_t> over_ms;
    if (by_growth()) {
      over_ms = before_.is_taken() ? now_.at_ms() - before_.at_ms() : 0;
      now_.finish();
      call.services.growth.keep(call.session.user->name(), std::move(now_));
    }
    reply_top(call, largest_.take(), over_ms);
  }

 private:
  [[nodiscard]] bool by_growth() const noexcept { return options_.by == By::growth; }
  [[nodiscard]] std::int64_t measure_of(const Ranked& one) const noexcept {
    if (by_growth()) return one.growth_bytes;
    return static_cast<std::int64_t>(options_.by == By::fields ? one.info.fields
                                                               : one.info.resident_bytes);
  }

  TopOptions options_;
  Largest largest_;
  GrowthSample before_;
  GrowthSample now_;
};

void top(Call& call) {
  const auto options = parse_top(call);
  if (!options) return;
  // The names that it may have to remember, and two samples.
  const std::size_t held_bytes =
      options->count * (sizeof(Ranked) + k_name_max_bytes) + 2 * GrowthSample::k_bytes_max;
  Keyspace::walk_in_steps(call, {.read = true, .write = false}, TopWork(call, *options),
                          Keyspace::Databases::selected, held_bytes);
}

void validate(Call& call) {
  const Validation found = call.cache().validate();
  call.reply.map(7);
  call.reply.bulk("ok");
  call.reply.boolean(found.ok);
  call.reply.bulk("findings");
  call.reply.array(found.findings.size());
  for (const std::string& finding : found.findings)
    call.reply.bulk(finding);
  call.reply.bulk("entries");
  call.reply.integer(static_cast<std::int64_t>(found.entries));
  call.reply.bulk("groups");
  call.reply.integer(static_cast<std::int64_t>(found.groups));
  call.reply.bulk("pages");
  call.reply.integer(static_cast<std::int64_t>(found.pages));
  call.reply.bulk("charged-bytes");
  call.reply.integer(static_cast<std::int64_t>(found.charged_bytes));
  call.reply.bulk("roles");
  call.reply.map(5);
  const RoleBytes& roles = found.roles;
  for (const auto& [name, bytes] :
       {std::pair("field", roles.field), std::pair("value", roles.value),
        std::pair("header", roles.header), std::pair("index", roles.index),
        std::pair("slack", roles.slack)}) {
    call.reply.bulk(name);
    call.reply.integer(static_cast<std::int64_t>(bytes));
  }
}

constexpr Row sub(std::string_view name, int arity, std::uint32_t flags, KeyPositions keys,
                  std::string_view syntax, std::string_view summary, std::string_view since,
                  std::string_view complexity, Run run) {
  return make_row(Family::server, name, arity, flags, keys, syntax, summary, since, complexity,
                  run);
}
constexpr Row k_memory_rows[] = {
    sub("USAGE", -3, k_readonly, {2, 2, 1}, "key [SAMPLES count]",
        "The bytes that a key takes; all of it is counted.", "4.0.0", "O(N) for N pages of the key",
        usage),
    sub("STATS", 2, 0, k_no_keys, "", "Where the memory is.", "4.0.0", "O(1)", stats),
    sub("PURGE", 2, 0, k_no_keys, "", "Gives back now what would be given back anyway.", "4.0.0",
        "Bounded", purge),
    sub("DOCTOR", 2, 0, k_no_keys, "", "The state of the memory in words.", "4.0.0", "O(1)",
        doctor),
};
constexpr Row memory_row() {
  Row row = sub("MEMORY", -2, 0, k_no_keys, "subcommand", "About memory.", "4.0.0",
                "What the subcommand costs", nullptr);
  row.subcommands = k_memory_rows;
  return row;
}

constexpr Row k_rows[] = {
    memory_row(),
    make_own_row("UL.LIMIT", -2, k_write | k_access, k_one_key,
                 "key [MAXFIELDS count] [MAXBYTES bytes] [IDLE milliseconds]",
                 "The limits of one key, shown or changed; 0 is none.", "O(1)", limit),
    make_own_row("UL.TOP", -1, k_readonly | k_tenants, k_no_keys,
                 "[BYTES | FIELDS | GROWTH] [COUNT count]",
                 "The largest keys, or those that have grown most since this was asked last.",
                 "O(N) for N pages of all keys", top),
    make_own_row("UL.VALIDATE", 1, k_readonly | k_admin, k_no_keys, "",
                 "Walks over everything and proves that the books balance; writes wait meanwhile.",
                 "O(N) for N entries", validate),
};

}  // namespace

std::span<const Row> memory_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
