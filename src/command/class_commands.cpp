// UL.CLASS: classes of keys, shown and changed.
#include <ullage/classes.h>

#include "command/call.h"
#include "command/families.h"
#include "command/host.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ullage::command {

namespace {

/// A user who is bound to classes sees those, and what lies in them; who sees all keys sees all.
bool may_see(const Call& call, std::string_view pattern) {
  return !call.session.user->is_tenant() || call.session.user->is_bound_to(pattern);
}

std::optional<ClassInfo> find(Call& call, std::string_view pattern) {
  return may_see(call, pattern) ? call.cache().class_info(pattern) : std::nullopt;
}

void list(Call& call) {
  std::vector<ClassInfo> all = call.cache().classes();
  std::erase_if(all, [&](const ClassInfo& one) { return !may_see(call, one.pattern); });
  call.reply.array(all.size());
  for (const ClassInfo& one : all)
    call.reply.bulk(one.pattern);
}

void get(Call& call) {
  const auto info = find(call, call.args[2]);
  if (!info) return call.reply.null();
  const ClassLimits& limits = info->limits;
  const std::pair<std::string_view, std::uint64_t> numbers[] = {
      {"bytes", info->bytes},
      {"own-bytes", info->own_bytes},
      {"entries", info->entries},
      {"keys", info->groups},
      {"hits", info->hits},
      {"misses", info->misses},
      {"evicted", info->evicted},
      {"expired", info->expired},
      {"limited", info->limited},
      {"min", limits.min},
      {"low", limits.low},
      {"high", limits.high},
      {"max", limits.max},
      {"max-fields", limits.max_fields},
      {"max-bytes", limits.max_bytes},
      {"idle-ms", static_cast<std::uint64_t>(limits.idle_ttl.count())},
      {"ttl-ms", static_cast<std::uint64_t>(limits.ttl.count())},
      {"weight", limits.weight},
      {"min-now", info->min_now},
      {"max-now", info->max_now},
      {"settled", info->settled ? 1U : 0U},
  };
  call.reply.map(2 + std::size(numbers));
  call.reply.bulk("pattern");
  call.reply.bulk(info->pattern);
  call.reply.bulk("parent");
  call.reply.bulk(info->parent);
  for (const auto& [name, value] : numbers) {
    call.reply.bulk(name);
    call.reply.integer(static_cast<std::int64_t>(value));
  }
}

void set(Call& call) {
  if (call.args.size() % 2 == 0) return call.syntax_error();
  std::vector<Host::ClassLimit> limits;
  for (std::size_t i = 3; i < call.args.size(); i += 2)
    limits.emplace_back(call.args[i], call.args[i + 1]);
  if (const auto problem = call.services.host.set_class(call.args[2], limits))
    return call.reply.error("ERR UL.CLASS SET failed - " + *problem);
  call.reply.ok();
}

void del(Call& call) {
  const auto removed = call.services.host.remove_class(call.args[2]);
  if (!removed) return call.reply.error("ERR UL.CLASS DEL failed - " + removed.error().message);
  call.reply.integer(*removed ? 1 : 0);
}

void of(Call& call) {
  const std::string pattern = call.cache().class_of(call.key(2).group());
  if (pattern.empty() || !may_see(call, pattern)) return call.reply.null();
  call.reply.bulk(pattern);
}

constexpr Row k_class_rows[] = {
    make_own_row("LIST", 2, k_readonly | k_tenants, k_no_keys, "", "The patterns of all classes.",
                 "O(N) for N classes", list),
    make_own_row("GET", 3, k_readonly | k_tenants, k_no_keys, "pattern",
                 "What a class holds, its counts and its limits.", "O(N) for N classes", get),
    make_own_row(
        "SET", -3, k_admin, k_no_keys,
        "pattern [MIN bytes] [LOW bytes] [HIGH bytes] [MAX bytes] [MAX_FIELDS count] [MAX_BYTES "
        "bytes] [IDLE_TTL time] [TTL time] [WEIGHT number]",
        "Defines a class, or changes the limits named; 0 is none. 48mb and 30m are understood.",
        "O(N) for N classes; keys follow in the background", set),
    make_own_row("DEL", 3, k_admin, k_no_keys, "pattern",
                 "Takes a class away; its keys go to its parent.",
                 "O(N) for N classes; keys follow in the background", del),
    make_own_row("OF", 3, k_readonly, {2, 2, 1}, "key", "The class that a key is in, or would be.",
                 "O(1)", of),
};
constexpr Row class_row() {
  Row row = make_own_row("UL.CLASS", -2, 0, k_no_keys, "subcommand",
                         "Classes: keys by prefix that share limits.", "What the subcommand costs",
                         nullptr);
  row.subcommands = k_class_rows;
  return row;
}
constexpr Row k_rows[] = {class_row()};

}  // namespace

std::span<const Row> class_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
