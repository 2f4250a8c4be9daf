#include "command/info.h"

#include "command/host.h"
#include "command/keyspace.h"
#include "command/words.h"

#include <algorithm>
#include <array>
#include <vector>

namespace ullage::command {

namespace {

constexpr std::array<std::string_view, 9> k_sections{"server",      "clients", "memory",
                                                     "persistence", "stats",   "replication",
                                                     "cpu",         "cluster", "keyspace"};

std::vector<Fact> persistence_facts() {
  // Clients look for these before they trust what they read.
  return {{"loading", "0"}, {"rdb_bgsave_in_progress", "0"}, {"aof_enabled", "0"}};
}
std::vector<Fact> replication_facts() {
  return {{"role", "master"}, {"connected_slaves", "0"}};
}
std::vector<Fact> cluster_facts() {
  return {{"cluster_enabled", "0"}};
}

std::vector<Fact> cache_facts(Call& call) {
  const Stats stats = call.cache().stats();
  return {
      {"keyspace_hits", std::to_string(stats.hits)},
      {"keyspace_misses", std::to_string(stats.misses)},
      {"expired_keys", std::to_string(stats.removed(RemovalCause::expired))},
      {"evicted_keys", std::to_string(stats.removed(RemovalCause::evicted))},
      {"limit_evicted_fields", std::to_string(stats.removed(RemovalCause::limit))},
      {"total_commands_processed",
       std::to_string(call.services.counters.commands.load(std::memory_order_relaxed))},
      {"long_command_rounds",
       std::to_string(call.services.counters.long_rounds.load(std::memory_order_relaxed))},
      {"total_error_replies",
       std::to_string(call.services.counters.errors.load(std::memory_order_relaxed))},
  };
}

std::vector<Fact> tracking_facts(const Call& call) {
  const Tracking::Totals totals = call.services.tracking.totals();
  return {{"tracking_clients", std::to_string(totals.clients)},
          {"tracking_total_keys", std::to_string(totals.keys)},
          {"tracking_total_prefixes", std::to_string(totals.prefixes)}};
}

using KeyCounts = std::array<std::uint64_t, k_databases>;

std::vector<Fact> keyspace_facts(const KeyCounts& counts) {
  std::vector<Fact> facts;
  for (unsigned i = 0; i < k_databases; ++i) {
    if (counts[i] != 0)
      facts.push_back(
          {"db" + std::to_string(i), "keys=" + std::to_string(counts[i]) + ",expires=0,avg_ttl=0"});
  }
  return facts;
}

std::vector<Fact> facts_of(Call& call, std::string_view section, const KeyCounts& counts) {
  if (section == "persistence") return persistence_facts();
  if (section == "replication") return replication_facts();
  if (section == "cluster") return cluster_facts();
  if (section == "keyspace") return keyspace_facts(counts);
  std::vector<Fact> facts = call.services.host.facts(section);
  if (section == "stats") {
    for (Fact& fact : cache_facts(call))
      facts.push_back(std::move(fact));
    for (Fact& fact : tracking_facts(call))
      facts.push_back(std::move(fact));
  }
  return facts;
}

/// Which sections are asked for, of k_sections.
using Wanted = std::array<bool, k_sections.size()>;

Wanted wanted_sections(const Call& call, resp::Args names) {
  Wanted wanted{};
  for (std::size_t i = 0; i < k_sections.size(); ++i) {
    wanted[i] = names.size() == 0;
    for (std::size_t n = 0; n < names.size(); ++n) {
      const std::string name = lowered(names[n]);
      if (name == k_sections[i] || name == "all" || name == "everything" || name == "default")
        wanted[i] = true;
    }
  }
  // Sections that count over all tenants are not shown to one of them.
  constexpr std::array<std::string_view, 4> k_of_all{"clients", "memory", "stats", "cpu"};
  for (std::size_t i = 0; i < k_sections.size(); ++i) {
    if (call.session.user->is_tenant() &&
        std::ranges::find(k_of_all, k_sections[i]) != k_of_all.end())
      wanted[i] = false;
  }
  return wanted;
}

/// The reply, once the keys are counted.
struct InfoWork {
  Wanted wanted{};
  KeyCounts counts{};

  bool visit(Call& /*call*/, std::string_view group, std::string_view /*key*/) {
    const unsigned database = decode_group(group).database;
    if (database < k_databases) ++counts[database];
    return true;
  }
  void end(Call& call) const {
    std::string text;
    for (std::size_t i = 0; i < k_sections.size(); ++i) {
      if (!wanted[i]) continue;
      if (!text.empty()) text += "\r\n";
      text += "# ";
      text += to_upper(k_sections[i][0]);
      text += k_sections[i].substr(1);
      text += "\r\n";
      for (const Fact& fact : facts_of(call, k_sections[i], counts))
        text += fact.name + ":" + fact.value + "\r\n";
    }
    call.reply.verbatim("txt", text);
  }
};

}  // namespace

void info(Call& call) {
  InfoWork work{wanted_sections(call, call.args.from(1)), {}};
  static_assert(k_sections.back() == "keyspace");
  if (work.wanted.back() && !Keyspace(call).is_everything()) {
    return Keyspace::walk_in_steps(call, {.read = true, .write = false}, work,
                                   Keyspace::Databases::all);
  }
  work.counts[0] = call.cache().group_count();
  work.end(call);
}

}  // namespace ullage::command
