// The public Cache's calls on groups.
#include <ullage/cache.h>

#include "engine/arguments.h"
#include "engine/core.h"
#include "engine/reentry.h"
#include "engine/scratch.h"

#include <algorithm>
#include <mutex>

namespace ullage {

using namespace engine;

namespace {
constexpr std::size_t k_entries_a_batch = 64;

/// Visits one batch of a group's fields, outside the locks; answers where to go on, 0 at the end.
template <class Visit>
std::uint64_t walk_fields(CacheCore& core, std::string_view group, std::uint64_t position,
                          std::size_t count, const Visit& visit) {
  ScanBatch batch;
  const std::uint64_t next =
      core.scan.group_step(group, position, std::max<std::size_t>(count, 1), batch);
  const VisitorScope scope;
  batch.for_each([&](const ScanBatch::Item& item) {
    if (!item.in_pieces) return visit(item.name, item.value);
    Scratch value;  // one at a time: what has gone meanwhile is left out
    if (core.reader.read(core.reader.names(group, item.name), value, false).hit)
      visit(item.name, value.view());
  });
  return next;
}

/// The same of groups and their numbers of fields.
template <class Visit>
std::uint64_t walk_groups(CacheCore& core, std::uint64_t position, std::size_t count,
                          const Visit& visit) {
  ScanBatch batch;
  const std::uint64_t next =
      core.scan.groups_step(position, std::max<std::size_t>(count, 1), batch);
  const VisitorScope scope;
  batch.for_each([&](const ScanBatch::Item& item) { visit(item.name, item.fields); });
  return next;
}
}  // namespace

Result<Cursor> Cache::scan(std::string_view group, Cursor cursor, std::size_t count,
                           FunctionRef<void(std::string_view, std::string_view)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const std::uint64_t next = walk_fields(*core_, group, core_->scan.unseal(cursor), count, visitor);
  return core_->scan.seal(next);
}

Result<Cursor> Cache::scan_groups(Cursor cursor, std::size_t count,
                                  FunctionRef<void(std::string_view, std::uint64_t)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  return core_->scan.seal(walk_groups(*core_, core_->scan.unseal(cursor), count, visitor));
}

// The walks to the end keep their position to themselves: it needs no seal.
Result<std::uint64_t> Cache::for_each(
    std::string_view group, FunctionRef<void(std::string_view, std::string_view)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  std::uint64_t visited = 0;
  std::uint64_t position = 0;
  do {
    position = walk_fields(*core_, group, position, k_entries_a_batch,
                           [&](std::string_view field, std::string_view value) {
                             ++visited;
                             visitor(field, value);
                           });
  } while (position != 0);
  return visited;
}

Result<std::uint64_t> Cache::for_each_group(
    FunctionRef<void(std::string_view, std::uint64_t)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  std::uint64_t visited = 0;
  std::uint64_t position = 0;
  do {
    position = walk_groups(*core_, position, k_entries_a_batch,
                           [&](std::string_view group, std::uint64_t fields) {
                             ++visited;
                             visitor(group, fields);
                           });
  } while (position != 0);
  return visited;
}

Result<std::uint64_t> Cache::erase_if(
    std::string_view group, FunctionRef<bool(std::string_view, std::string_view)> predicate) {
  std::uint64_t erased = 0;
  const auto each = [&](std::string_view field, std::string_view value) {
    if (!predicate(field, value)) return;
    const Names names = core_->state.names(group, field);
    // Only what the predicate has seen goes.
    const auto done = core_->change(names, true, [&](const Present& present) -> Decision {
      if (!present.exists || *present.value != value) return {};
      return {Decision::Kind::erase, {}, k_never_ms};
    });
    if (done.has_value() && *done == WriteOutcome::erased) ++erased;
  };
  if (auto done = for_each(group, each); !done) return done.error();
  return erased;
}

Result<std::uint64_t> Cache::erase_if(
    FunctionRef<bool(std::string_view, std::string_view, std::string_view)> predicate) {
  std::uint64_t erased = 0;
  std::optional<Error> error;
  auto done = for_each_group([&](std::string_view group, std::uint64_t) {
    const auto in_group = [&](std::string_view field, std::string_view value) {
      return predicate(group, field, value);
    };
    auto some = erase_if(group, in_group);
    if (some) {
      erased += *some;
    } else {
      error = some.error();
    }
  });
  if (!done) return done.error();
  if (error) return *error;
  return erased;
}

Result<void> Cache::read_group(std::string_view group, FunctionRef<void(const GroupView&)> visitor,
                               GroupUse use) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  GroupCopy copy(core_->state, core_->directory);
  if (group.size() <= k_name_max_bytes &&
      core_->reader.read_group(group, copy, use == GroupUse::counts) ==
          GroupCopy::Taken::too_large) {
    return Error{Errc::group_too_large,
                 "a group of more than " + std::to_string(k_group_edit_max_fields) + " fields or " +
                     std::to_string(k_group_edit_max_bytes) + " bytes is not read as a whole"};
  }
  const VisitorScope scope;
  visitor(copy.view());
  return {};
}

Result<EditOutcome> Cache::edit_group(std::string_view group,
                                      FunctionRef<Result<void>(GroupEdit&)> edit) {
  if (auto bad = check_name("group", group)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  core_->sweep_if_due(group);
  auto done = core_->group_editor.edit(group, [&](GroupEdit& asked) {
    const UpdateScope scope(core_.get());
    Result<void> said = edit(asked);
    // While the shard is held: a load that decides later sees it.
    if (said) core_->flights.group_changed(group);
    return said;
  });
  if (done) core_->flights.group_changed(group);  // for a load that began meanwhile
  return done;
}

std::optional<GroupKind> Cache::group_kind(std::string_view group) {
  if (group.size() > k_name_max_bytes || UpdateScope::holds(core_.get())) return std::nullopt;
  const auto facts = core_->reader.group(group);
  if (!facts || facts->fields == 0) return std::nullopt;
  return GroupKind{static_cast<std::uint8_t>(facts->kind & ~k_kind_lost),
                   (facts->kind & k_kind_lost) != 0 || (facts->kind != 0 && facts->timed_fields)};
}

bool Cache::erase_group(std::string_view group) {
  if (group.size() > k_name_max_bytes || UpdateScope::holds(core_.get())) return false;
  core_->sweep_if_due(group);
  // Before: a load under way must not put back what goes. After: nor one that began meanwhile.
  core_->flights.group_changed(group);
  const bool erased = core_->writer.erase_group(group, RemovalCause::erased);
  core_->flights.group_changed(group);
  return erased;
}

Result<void> Cache::rename_group(std::string_view from, std::string_view to, bool replace) {
  if (auto bad = check_name("group", from)) return *bad;
  if (auto bad = check_name("group", to)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  core_->sweep_if_due(from);
  core_->sweep_if_due(to);
  core_->flights.group_changed(from);
  core_->flights.group_changed(to);
  auto done = core_->writer.rename_group(from, to, replace);
  core_->flights.group_changed(from);
  core_->flights.group_changed(to);
  return done;
}

void Cache::clear() {
  if (UpdateScope::holds(core_.get())) return;
  core_->flights.all_changed();
  core_->writer.clear();
  core_->flights.all_changed();
}

std::uint64_t Cache::group_size(std::string_view group) {
  if (group.size() > k_name_max_bytes || UpdateScope::holds(core_.get())) return 0;
  auto facts = core_->reader.group(group);
  // Fields of a large group that have ended are taken out before they could be counted.
  if (facts && facts->timed_fields) {
    core_->expiry.sweep_group(group);
    facts = core_->reader.group(group);
  }
  return facts ? facts->fields : 0;
}

bool Cache::contains_group(std::string_view group) {
  return group_size(group) != 0;
}

Result<bool> Cache::expire_group(std::string_view group, std::optional<Millis> ttl) {
  if (auto bad = check_ttl("ttl", ttl)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  if (group.size() > k_name_max_bytes) return false;
  core_->sweep_if_due(group);
  const std::int64_t deadline_ms = ttl ? core_->state.now_ms() + ttl->count() : k_never_ms;
  return core_->writer.edit_head(group, [&](RecordDraft& head) { head.deadline_ms = deadline_ms; });
}

std::optional<Ttl> Cache::group_ttl(std::string_view group) {
  if (group.size() > k_name_max_bytes || UpdateScope::holds(core_.get())) return std::nullopt;
  const auto facts = core_->reader.group(group);
  if (!facts || facts->fields == 0) return std::nullopt;
  if (facts->deadline_ms == k_never_ms) return Ttl{};
  return Ttl{Millis(std::max<std::int64_t>(facts->deadline_ms - core_->state.now_ms(), 0))};
}

Result<void> Cache::set_default_group_limits(const GroupLimits& limits) {
  if (auto bad = check_limits(limits)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  core_->set_default_group_limits(limits);
  return {};
}

void CacheCore::set_default_group_limits(const GroupLimits& limits) {
  const std::lock_guard one_at_a_time(limit_mutex_);
  state.group_max_fields.store(limits.max_fields, std::memory_order_relaxed);
  state.group_max_bytes.store(limits.max_bytes, std::memory_order_relaxed);
  if (state.group_idle_ms.load(std::memory_order_relaxed) == 0)
    state.idle_since_ms.store(state.now_ms(), std::memory_order_relaxed);
  state.group_idle_ms.store(limits.idle_ttl.count(), std::memory_order_relaxed);
  expiry.all_due();
}

Result<bool> Cache::set_group_limits(std::string_view group, const GroupLimits& limits) {
  if (auto bad = check_limits(limits)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  if (group.size() > k_name_max_bytes) return false;
  core_->sweep_if_due(group);
  auto done = core_->writer.edit_head(group, [&](RecordDraft& head) {
    head.has_limits = true;
    head.limits = limits;
    // What was noted while no limit in time held may be long ago.
    if (limits.idle_ttl.count() > 0) head.last_use_ms = core_->state.now_ms();
  });
  core_->expiry.look_again();
  return done;
}

std::optional<GroupLimits> Cache::group_limits(std::string_view group) {
  if (group.size() > k_name_max_bytes || UpdateScope::holds(core_.get())) return std::nullopt;
  const auto facts = core_->reader.group(group);
  if (!facts || facts->fields == 0) return std::nullopt;
  return facts->limits;
}

}  // namespace ullage
