#include "server/memory_page.h"

#include <ullage/observe/allocator.h>
#include <ullage/observe/container.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

namespace ullage::server {

namespace {

std::int64_t signed_bytes(std::uint64_t bytes) noexcept {
  return static_cast<std::int64_t>(bytes);
}

MemoryAccount added_up(MemoryAccount account) {
  account.whole_bytes = 0;
  for (const MemoryLine& line : account.lines)
    account.whole_bytes += line.bytes;
  return account;
}

/// The same with what is left of `whole` as the last line.
MemoryAccount with_rest(MemoryAccount account, std::uint64_t whole, MemoryLine rest) {
  account = added_up(std::move(account));
  rest.bytes = signed_bytes(whole) - account.whole_bytes;
  account.lines.push_back(rest);
  account.whole_bytes = signed_bytes(whole);
  return account;
}

MemoryAccount resident_account(const MetricsPage::Sources& sources, const Stats& stats,
                               const observe::AllocatorStats& allocator) {
  return with_rest(
      {.key = "resident",
       .title = "Resident memory of the process",
       .help = "What the kernel counts, line by line.",
       .lines = {{"cache", "cache", signed_bytes(stats.charged_bytes),
                  "Tables and slabs that are charged to the cache; below in full."},
                 {"buffers", "client buffers", signed_bytes(sources.pool.used_bytes()),
                  "Requests that are not whole yet, and replies that were not taken yet."},
                 {"allocator", "allocator",
                  signed_bytes(std::max(allocator.active, allocator.allocated)),
                  "Pages that hold what else is allocated; /debug/pprof/heap says by which "
                  "functions."},
                 {"program", "program", signed_bytes(sources.budget().program_bytes),
                  "Code, libraries and data as they were when the server began."}}},
      resident_bytes(),
      {"unaccounted", "not accounted for", 0,
       "Stacks, code that was touched later, what the allocator keeps free; less what is charged "
       "and was not touched yet."});
}

MemoryAccount limit_account(const Budget& budget) {
  const std::vector<MemoryLine> lines{
      {"program", "program", signed_bytes(budget.baseline_bytes),
       "The program as it began, with room for code that is touched later."},
      {"threads", "threads", signed_bytes(budget.threads_bytes),
       "Stacks, and the values and arguments that each works on."},
      {"connections", "connections", signed_bytes(budget.connections_bytes),
       "What an idle client takes, for each that may come."},
      {"buffers", "client buffers", signed_bytes(budget.buffers_bytes),
       "What clients may send and not take."},
      {"held", "held for clients", signed_bytes(budget.held_bytes),
       "Queued commands, watched keys, subscriptions, pages in the making."},
      {"tracking", "tracking", signed_bytes(budget.tracking_bytes), "Who has read what."},
      {"messages", "messages", signed_bytes(budget.posted_bytes),
       "On their way from one thread to another."},
      {"cache", "cache", signed_bytes(budget.arena_bytes), "All that is left."}};
  return with_rest({.key = "limit",
                    .title = "How the limit is divided",
                    .help = "memory_limit holds for the whole process.",
                    .lines = lines},
                   budget.limit_bytes, {"rounding", "rounding", 0, "What does not divide."});
}

MemoryAccount cache_account(const observe::CensusResult& seen) {
  return added_up({.key = "cache",
                   .title = "The cache, as of the last walk over it",
                   .help = "What its bytes are for; /debug/pprof/data says whose they are.",
                   .lines = {{"field", "names of fields", signed_bytes(seen.roles.field), ""},
                             {"value", "values", signed_bytes(seen.roles.value), ""},
                             {"header", "headers", signed_bytes(seen.roles.header),
                              "Names of groups, heads of pages, what each entry needs to be found "
                              "and ranked, ghosts of evicted entries."},
                             {"index", "index", signed_bytes(seen.roles.index),
                              "The table of shards, and directories."},
                             {"slack", "slack", signed_bytes(seen.roles.slack),
                              "Room inside pages, and free pages of slabs in use."}}});
}

MemoryAccount heap_account(const observe::AllocatorStats& allocator) {
  const auto active = std::max(allocator.active, allocator.allocated);
  const auto resident = std::max(allocator.resident, active + allocator.metadata);
  return added_up(
      {.key = "heap",
       .title = "The allocator",
       .help = "What it holds in resident memory.",
       .lines = {{"allocated", "asked for", signed_bytes(allocator.allocated), ""},
                 {"fragments", "fragments", signed_bytes(active - allocator.allocated),
                  "Room in pages that hold something."},
                 {"metadata", "its own", signed_bytes(allocator.metadata), ""},
                 {"free", "free pages", signed_bytes(resident - active - allocator.metadata),
                  "Given back to the system within seconds."}}});
}

std::string people_bytes(std::int64_t bytes) {
  char text[48];
  const char* const sign = bytes < 0 ? "-" : "";
  const auto size = static_cast<double>(bytes < 0 ? -bytes : bytes);
  if (size >= 1024.0 * 1024) {
    std::snprintf(text, sizeof text, "%s%.1f MiB", sign, size / (1024.0 * 1024));
  } else {
    std::snprintf(text, sizeof text, "%s%.1f KiB", sign, size / 1024);
  }
  return text;
}

}  // namespace

std::vector<MemoryAccount> memory_accounts(const MetricsPage::Sources& sources) {
  const Stats stats = sources.services.cache.stats();
  const observe::AllocatorStats allocator = observe::allocator_stats();
  std::vector<MemoryAccount> accounts{resident_account(sources, stats, allocator),
                                      limit_account(sources.budget()), heap_account(allocator)};
  if (sources.lookout.census().last().walks != 0)
    accounts.insert(accounts.begin() + 1, cache_account(sources.lookout.census().last()));
  return accounts;
}

AdminResponse memstats_page(const MetricsPage::Sources& sources) {
  using Json = nlohmann::ordered_json;
  Json page;
  // As Go's runtime.MemStats names them, where they mean the same.
  const observe::AllocatorStats allocator = observe::allocator_stats();
  page["Allocator"] = allocator.name;
  page["Alloc"] = allocator.allocated;
  page["HeapAlloc"] = allocator.allocated;
  page["HeapInuse"] = allocator.active;
  page["HeapSys"] = allocator.mapped + allocator.retained;
  page["HeapIdle"] = allocator.mapped + allocator.retained -
                     std::min(allocator.active, allocator.mapped + allocator.retained);
  page["HeapReleased"] = allocator.retained;
  for (const MemoryAccount& account : memory_accounts(sources)) {
    Json& lines = page["accounts"][std::string(account.key)];
    for (const MemoryLine& line : account.lines)
      lines["lines"][std::string(line.key)] = line.bytes;
    lines["whole"] = account.whole_bytes;
  }
  const Stats stats = sources.services.cache.stats();
  page["cache"] = {{"limit_bytes", stats.memory_limit},
                   {"charged_bytes", stats.charged_bytes},
                   {"headroom_bytes", stats.headroom_bytes},
                   {"payload_bytes", stats.payload_bytes},
                   {"entries", stats.entries},
                   {"groups", stats.groups}};
  const observe::ContainerMemory container = observe::container_memory();
  if (container.version != 0) {
    page["container"] = {{"version", container.version},
                         {"charged_bytes", container.charged},
                         {"inactive_file_bytes", container.inactive_files},
                         {"oom_kills", container.oom_kills}};
    if (container.has_limit()) {
      page["container"]["limit_bytes"] = container.limit;
      page["container"]["headroom_bytes"] = container.headroom;
    }
  }
  return {.content_type = "application/json", .body = page.dump(2) + "\n"};
}

AdminResponse memory_page(const MetricsPage::Sources& sources) {
  std::string text = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>ullage: memory</title>
<style>td.n{text-align:right;font-variant-numeric:tabular-nums;padding-right:1em}
tr.sum td{border-top:1px solid;font-weight:bold}</style></head><body>
<h1>Where the memory is</h1>
<p>Each table adds up. The same as JSON: <a href="memstats">memstats</a>. Whose bytes they are:
<a href="pprof/">profiles</a>.</p>
)";
  for (const MemoryAccount& account : memory_accounts(sources)) {
    text.append("<h2 id=\"").append(account.key).append("\">").append(account.title);
    text.append("</h2>\n<p>").append(account.help).append("</p>\n<table>\n");
    const auto row = [&](std::string_view style, std::string_view name, std::int64_t bytes,
                         std::string_view help) {
      text.append("<tr").append(style).append("><td>").append(name);
      text.append("</td><td class=\"n\">").append(std::to_string(bytes));
      text.append("</td><td class=\"n\">").append(people_bytes(bytes)).append("</td><td>");
      text.append(help).append("</td></tr>\n");
    };
    for (const MemoryLine& line : account.lines) {
      const bool is_account_too = account.key == "resident" && line.key == "cache";
      const std::string name = is_account_too ? "<a href=\"#cache\">cache</a>"
                               : account.key == "resident" && line.key == "allocator"
                                   ? "<a href=\"#heap\">allocator</a>"
                                   : std::string(line.name);
      row("", name, line.bytes, line.help);
    }
    row(" class=\"sum\"", "together", account.whole_bytes, "");
    text += "</table>\n";
  }
  return {.content_type = "text/html; charset=utf-8", .body = text + "</body></html>\n"};
}

}  // namespace ullage::server
