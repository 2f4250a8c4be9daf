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

std::vector<Fact> keyspace_facts(Call& call) {
  std::array<std::uint64_t, k_databases> counts{};
  const User& user = *call.session.user;
  if (Keyspace(call).is_everything()) {
    counts[0] = call.cache().group_count();
  } else {
    static_cast<void>(
        call.cache().for_each_group([&](std::string_view group, std::uint64_t /*fields*/) {
          const DecodedGroup decoded = decode_group(group);
          if (decoded.database < k_databases && user.may_touch(decoded.key, {true, false}))
            ++counts[decoded.database];
        }));
  }
  std::vector<Fact> facts;
  for (unsigned i = 0; i < k_databases; ++i) {
    if (counts[i] != 0)
      facts.push_back(
          {"db" + std::to_string(i), "keys=" + std::to_string(counts[i]) + ",expires=0,avg_ttl=0"});
  }
  return facts;
}

std::vector<Fact> facts_of(Call& call, std::string_view section) {
  if (section == "persistence") return persistence_facts();
  if (section == "replication") return replication_facts();
  if (section == "cluster") return cluster_facts();
  if (section == "keyspace") return keyspace_facts(call);
  std::vector<Fact> facts = call.services.host.facts(section);
  if (section == "stats") {
    for (Fact& fact : cache_facts(call))
      facts.push_back(std::move(fact));
    for (Fact& fact : tracking_facts(call))
      facts.push_back(std::move(fact));
  }
  return facts;
}

}  // namespace

std::string info_text(Call& call, resp::Args sections) {
  const auto wanted = [&](std::string_view section) {
    if (sections.size() == 0) return true;
    for (std::size_t i = 0; i < sections.size(); ++i) {
      const std::string name = lowered(sections[i]);
      if (name == section || name == "all" || name == "everything" || name == "default")
        return true;
    }
    return false;
  };
  std::string text;
  // Sections that count over all tenants are not shown to one of them.
  const bool is_tenant = call.session.user->is_tenant();
  for (const std::string_view section : k_sections) {
    if (!wanted(section)) continue;
    if (is_tenant &&
        (section == "clients" || section == "memory" || section == "stats" || section == "cpu"))
      continue;
    if (!text.empty()) text += "\r\n";
    text += "# ";
    text += to_upper(section[0]);
    text += section.substr(1);
    text += "\r\n";
    for (const Fact& fact : facts_of(call, section))
      text += fact.name + ":" + fact.value + "\r\n";
  }
  return text;
}

}  // namespace ullage::command
