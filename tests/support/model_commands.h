// The commands of the model: each acts on the cache and on the plain map, and compares the answers.
// Included by model.h; include that one.
#pragma once

#include "model.h"

namespace ullage::test {

inline SetOptions Model::options_of(const Command& command) {
  SetOptions options;
  switch (command.arg / 4 % 6) {
    case 0:
      options.ttl = Millis(1 + command.arg % 500);
      break;
    case 1:
      options.ttl = Millis(1 + static_cast<std::int64_t>(command.arg) * 100);
      break;
    case 2:
      options.keep_ttl = true;
      break;
    default:
      break;
  }
  return options;
}

inline GroupLimits Model::limits_from(const Command& command) {
  GroupLimits limits;
  if (command.arg % 4 == 1) limits.max_fields = 1 + command.size % 40;
  if (command.arg % 4 == 2) limits.max_bytes = 2000 + command.size % 100'000;
  return limits;
}

inline void Model::dispatch(const Command& command) {
  const std::string group = group_name(command.group);
  const std::string field = field_name(command.field);
  switch (command.op) {
    case Op::set:
      return write(group, field, value_of(command), options_of(command));
    case Op::set_if: {
      SetOptions options = options_of(command);
      options.condition = command.arg % 2 == 0 ? Condition::if_absent : Condition::if_present;
      return write(group, field, value_of(command), options);
    }
    case Op::read:
      return read(command, group, field);
    case Op::get_many:
      return get_many(command, group);
    case Op::erase:
      return erase(group, field);
    case Op::compare_and_set:
      return compare_and_set(command, group, field);
    case Op::increment:
      return increment(command, group, field);
    case Op::update:
      return update(command, group, field);
    case Op::expire:
      return expire(command, group, field);
    case Op::expire_group:
      return expire_group(command, group);
    case Op::check_ttl:
      return check_ttl(group, field);
    case Op::for_each:
      return for_each(group);
    case Op::erase_if:
      return erase_if(command, group);
    case Op::scan_start:
      return scan_start(group);
    case Op::scan_step:
      return scan_step(command);
    case Op::erase_group: {
      meet_group(group);
      const bool erased = cache_.erase_group(group);
      const Group* const known = find_group(group);
      if (!erased && known != nullptr && !known->entries.empty())
        fail("erase_group() found no group");
      return end_group(group, End::erased);
    }
    case Op::rename_group:
      return rename_group(command, group);
    case Op::clear: {
      cache_.clear();
      for (auto& [name, lives] : ended_) {
        for (Ended& life : lives)
          life.erased = true;  // as in end_group()
      }
      while (!groups_.empty())
        end_group(std::string(groups_.begin()->first), End::erased);
      if (cache_.size() != 0) fail("clear() left entries");
      return;
    }
    case Op::group_limits: {
      meet_group(group);
      const GroupLimits limits = limits_from(command);
      const Result<bool> done = cache_.set_group_limits(group, limits);
      if (!done) return fail("set_group_limits: " + done.error().message);
      Group* const known = find_group(group);
      if (!*done && known != nullptr && !known->entries.empty())
        return fail("set_group_limits() found no group");
      if (*done) limited_ = true;
      if (*done && known != nullptr) known->limits = limits;
      return;
    }
    case Op::default_limits: {
      GroupLimits limits = limits_from(command);
      limits.idle_ttl = defaults_.idle_ttl;
      const Result<void> done = cache_.set_default_group_limits(limits);
      if (!done) return fail("set_default_group_limits: " + done.error().message);
      defaults_ = limits;
      limited_ = true;
      return;
    }
    case Op::advance: {
      const std::int64_t by = command.arg % 10 == 0 ? command.size * 100LL : command.arg % 200;
      clock_->advance(Millis(by));
      return end_expired();
    }
    case Op::tick:
      cache_.tick(command.arg % 50);
      return;
    case Op::drain:
      return drain();
    case Op::memory_limit: {
      const std::size_t most = std::max(setup_.memory_limit, setup_.max_memory_limit);
      const std::size_t limit =
          k_memory_limit_min_bytes + command.arg % (most - k_memory_limit_min_bytes + 1);
      drain();  // a lower limit evicts much in one call: leave the ring to that
      pressed_ = true;
      const Result<void> done = cache_.set_memory_limit(limit);
      if (!done) return fail("set_memory_limit: " + done.error().message);
      return;
    }
    case Op::burst:
      return burst(command, group);
    case Op::classes:
      return classes(command);
    case Op::edit_group:
      return edit_group(command, group);
    case Op::read_group:
      return read_group(group);
    case Op::count_:
      break;
  }
}

inline void Model::write(const std::string& group, const std::string& field, std::string value,
                         const SetOptions& options) {
  meet_group(group);
  const Result<SetOutcome> result = cache_.set(group, field, value, options);
  if (!result) {
    if (rightly_refused(group, field, value.size(), result.error().code))
      return meet_entry(group, field);
    return fail("set of " + std::to_string(value.size()) + " bytes: " + result.error().message);
  }
  const Entry* const entry = find_entry(group, field);
  std::int64_t deadline = options.ttl ? now() + options.ttl->count() : k_never;
  switch (*result) {
    case SetOutcome::inserted:
      if (options.condition == Condition::if_present)
        return fail("set(if_present) inserted " + place(group, field));
      if (entry != nullptr) end_entry(group, field, End::lost);
      break;
    case SetOutcome::replaced:
      if (options.condition == Condition::if_absent)
        return fail("set(if_absent) replaced " + place(group, field));
      if (entry == nullptr)
        return fail("set() replaced what should not exist: " + place(group, field));
      if (options.keep_ttl) deadline = entry->deadline;
      ++replaced_;
      break;
    case SetOutcome::unchanged:
      if (options.condition == Condition::always)
        return fail("set() wrote nothing: " + place(group, field));
      if (options.condition == Condition::if_absent && entry == nullptr) {
        return fail("set(if_absent) found what should not exist: " + place(group, field));
      }
      if (options.condition == Condition::if_present && entry != nullptr)
        end_entry(group, field, End::lost);
      return maybe_used(group);
  }
  believe(group, field, std::move(value), deadline);
}

inline void Model::read(const Command& command, const std::string& group,
                        const std::string& field) {
  std::optional<Value> got;
  switch (command.arg % 6) {
    case 0: {
      std::string buffer(command.size, '?');
      const std::optional<std::size_t> size = cache_.get_into(group, field, buffer);
      if (!size) break;
      if (*size > buffer.size()) {
        if (buffer.find_first_not_of('?') != std::string::npos)
          return fail("get_into() copied a part");
        return meet_entry(group, field);
      }
      got = Value(std::string_view(buffer).substr(0, *size));
      break;
    }
    case 1:
      static_cast<void>(
          cache_.visit(group, field, [&](std::string_view value) { got = Value(value); }));
      break;
    case 2: {
      std::string whole;
      const Result<bool> there =
          cache_.visit_chunks(group, field, [&](std::string_view piece, std::size_t, std::size_t) {
            whole += piece;
            return true;
          });
      if (there && *there) got = Value(whole);
      break;
    }
    case 3: {
      const std::optional<std::size_t> size = cache_.value_size(group, field);
      const Entry* const entry = find_entry(group, field);
      if (size && (entry == nullptr || entry->value.size() != *size))
        return fail("value_size() lies: " + place(group, field));
      return maybe_used(group);
    }
    case 4:
      if (cache_.contains(group, field) && find_entry(group, field) == nullptr) {
        return fail("contains() sees what should not exist: " + place(group, field));
      }
      return maybe_used(group);
    default:
      got = cache_.get(group, field);
      break;
  }
  check_read(group, field, got);
}

inline void Model::get_many(const Command& command, const std::string& group) {
  std::vector<std::string> fields;
  for (std::uint32_t i = 0; i < 1 + command.size % 70; ++i) {
    fields.push_back(field_name(static_cast<std::uint16_t>((command.field + i * 7) % 5000)));
  }
  std::vector<Key> keys;
  for (const std::string& field : fields)
    keys.push_back({group, field});
  std::vector<std::optional<Value>> out(keys.size());
  const Result<void> done = cache_.get_many(keys, out);
  if (!done) return fail("get_many: " + done.error().message);
  for (std::size_t i = 0; i < keys.size(); ++i)
    check_read(group, fields[i], out[i]);
}

inline void Model::erase(const std::string& group, const std::string& field) {
  meet_group(group);
  const bool erased = cache_.erase(group, field);
  const Entry* const entry = find_entry(group, field);
  if (erased && entry == nullptr)
    return fail("erase() found what should not exist: " + place(group, field));
  if (entry != nullptr) end_entry(group, field, erased ? End::erased : End::lost);
  maybe_used(group);
}

inline void Model::compare_and_set(const Command& command, const std::string& group,
                                   const std::string& field) {
  meet_entry(group, field);
  if (!failure_.empty()) return;
  const Entry* const entry = find_entry(group, field);
  // Mostly the right guess, at times a wrong one.
  const std::string expected =
      entry != nullptr && command.arg % 5 != 0 ? entry->value : "a wrong guess";
  std::string desired = value_of(command);
  const bool right = entry != nullptr && entry->value == expected;
  const std::int64_t deadline = entry != nullptr ? entry->deadline : k_never;
  const Result<bool> done = cache_.compare_and_set(group, field, expected, desired);
  if (!done) {
    if (rightly_refused(group, field, desired.size(), done.error().code))
      return meet_entry(group, field);
    return fail("compare_and_set: " + done.error().message);
  }
  if (*done && !right)
    return fail("compare_and_set() wrote over another value: " + place(group, field));
  if (!*done && right && setup_.maintenance == Maintenance::manual)
    return fail("compare_and_set() refused: " + place(group, field));
  if (*done) {
    ++replaced_;
    believe(group, field, std::move(desired), deadline);
  }
}

inline void Model::increment(const Command& command, const std::string& group,
                             const std::string& field) {
  meet_entry(group, field);
  if (!failure_.empty()) return;
  const Entry* const entry = find_entry(group, field);
  const std::int64_t by = static_cast<std::int64_t>(command.arg) - 2'000'000'000;
  const Result<std::int64_t> result = cache_.increment(group, field, by);
  std::int64_t before = 0;
  bool number = true;
  if (entry != nullptr) {
    const char* const end = entry->value.data() + entry->value.size();
    const auto [stopped, error] = std::from_chars(entry->value.data(), end, before);
    number = error == std::errc() && stopped == end && std::to_string(before) == entry->value;
  }
  if (!number) {
    if (result || result.error().code != Errc::not_a_number)
      fail("increment() of no number: " + place(group, field));
    return;
  }
  if (!result) return fail("increment: " + result.error().message);
  if (*result != before + by)
    return fail("increment() answered a wrong sum: " + place(group, field));
  const std::int64_t deadline = entry != nullptr ? entry->deadline : k_never;
  if (entry != nullptr) ++replaced_;
  believe(group, field, std::to_string(before + by), deadline);
}

inline void Model::update(const Command& command, const std::string& group,
                          const std::string& field) {
  meet_entry(group, field);
  if (!failure_.empty()) return;
  const Entry* const entry = find_entry(group, field);
  std::optional<std::string> next =
      command.arg % 3 == 0 ? std::nullopt : std::optional(value_of(command));
  bool same = true;
  const Result<SetOutcome> result =
      cache_.update(group, field,
                    [&](std::optional<std::string_view> now_there) {
                      same = now_there.has_value() == (entry != nullptr) &&
                             (entry == nullptr || entry->value == *now_there);
                      return next;
                    },
                    {.ttl = {}, .keep_ttl = true});
  if (!result) {
    if (next && rightly_refused(group, field, next->size(), result.error().code))
      return meet_entry(group, field);
    return fail("update: " + result.error().message);
  }
  if (!same) return fail("update() saw another value: " + place(group, field));
  const SetOutcome expected = !next              ? SetOutcome::unchanged
                              : entry != nullptr ? SetOutcome::replaced
                                                 : SetOutcome::inserted;
  if (*result != expected) return fail("update() answered a wrong outcome: " + place(group, field));
  if (!next) return;
  if (entry != nullptr) ++replaced_;
  believe(group, field, *next, entry != nullptr ? entry->deadline : k_never);
}

inline void Model::expire(const Command& command, const std::string& group,
                          const std::string& field) {
  meet_group(group);
  std::optional<Millis> ttl;
  if (command.arg % 3 != 0)
    ttl = Millis(1 + (command.arg % 2 == 0 ? command.size : command.arg % 300));
  const Result<bool> done = cache_.expire(group, field, ttl);
  if (!done) return fail("expire: " + done.error().message);
  Entry* const entry = find_entry(group, field);
  maybe_used(group);
  if (*done && entry == nullptr)
    return fail("expire() found what should not exist: " + place(group, field));
  if (!*done && entry != nullptr) return end_entry(group, field, End::lost);
  if (*done && entry != nullptr) entry->deadline = ttl ? now() + ttl->count() : k_never;
}

inline void Model::expire_group(const Command& command, const std::string& group) {
  meet_group(group);
  std::optional<Millis> ttl;
  if (command.arg % 3 != 0) ttl = Millis(1 + command.arg % 2000);
  const Result<bool> done = cache_.expire_group(group, ttl);
  if (!done) return fail("expire_group: " + done.error().message);
  Group* const known = find_group(group);
  if (!*done && known != nullptr && !known->entries.empty())
    return fail("expire_group() found no group");
  if (*done && known != nullptr) known->deadline = ttl ? now() + ttl->count() : k_never;
  maybe_used(group);
}

inline void Model::check_ttl(const std::string& group, const std::string& field) {
  const std::optional<Ttl> left = cache_.ttl(group, field);
  const Entry* const entry = find_entry(group, field);
  maybe_used(group);
  if (!left) return;
  if (entry == nullptr) return fail("ttl() sees what should not exist: " + place(group, field));
  const std::int64_t deadline = left->remaining ? now() + left->remaining->count() : k_never;
  if (deadline != entry->deadline) {
    fail("ttl() of " + place(group, field) + " ends at " + std::to_string(deadline) +
         ", should at " + std::to_string(entry->deadline));
  }
}

inline void Model::for_each(const std::string& group) {
  meet_group(group);
  std::map<std::string, std::string> seen;
  bool twice = false;
  const Result<std::uint64_t> visited =
      cache_.for_each(group, [&](std::string_view field, std::string_view value) {
        twice = !seen.emplace(field, value).second || twice;
      });
  if (!visited) return fail("for_each: " + visited.error().message);
  if (twice) return fail("for_each() visited an entry twice in " + shown(group));
  maybe_used(group);
  if (setup_.maintenance == Maintenance::manual && cache_.group_size(group) != seen.size()) {
    return fail("group_size() is " + std::to_string(cache_.group_size(group)) +
                ", for_each() saw " + std::to_string(seen.size()) + " in " + shown(group));
  }
  check_seen(group, seen, "for_each()");
}

inline void Model::check_seen(const std::string& group,
                              const std::map<std::string, std::string>& seen,
                              std::string_view how) {
  const std::string name(how);
  for (const auto& [field, value] : seen) {
    const Entry* const entry = find_entry(group, field);
    if (entry == nullptr) return fail(name + " sees what should not exist: " + place(group, field));
    if (entry->value != value) return fail(name + " sees another value: " + place(group, field));
  }
  if (const Group* const known = find_group(group)) {
    std::vector<std::string> missing;
    for (const auto& [field, entry] : known->entries) {
      if (!seen.contains(field)) missing.push_back(field);
    }
    for (const std::string& field : missing) {
      if (cache_.contains(group, field)) return fail(name + " missed " + place(group, field));
      end_entry(group, field, End::lost);
    }
  }
}

inline void Model::read_group(const std::string& group) {
  meet_group(group);
  std::map<std::string, std::string> seen;
  bool twice = false;
  const Result<void> read = cache_.read_group(group, [&](const GroupView& view) {
    for (const GroupEntry& entry : view.entries)
      twice = !seen.emplace(entry.field, entry.value).second || twice;
  });
  if (!read) return fail("read_group: " + read.error().message);
  if (twice) return fail("read_group() shows an entry twice in " + shown(group));
  maybe_used(group);
  if (!seen.empty()) surely_used(group);
  check_seen(group, seen, "read_group()");
}

/// Many fields of a group at once: written, written with other times, restated, erased.
inline void Model::edit_group(const Command& command, const std::string& group) {
  struct Change {
    std::uint32_t action;
    std::string value;
    EditOptions options;
  };
  std::map<std::string, Change> changes;
  for (std::uint32_t i = 0; i < 1 + command.size % 40; ++i) {
    Command one = command;
    one.size = i == 0 ? command.size : command.size % 700;
    one.arg = command.arg + i * 7919;
    Change change{(command.arg + i) % 5, value_of(one), {}};
    if (change.action == 2) change.options.ttl = Millis(1 + one.arg % 3000);
    if (change.action == 3) change.options.keep_ttl = true;
    changes[field_name(static_cast<std::uint16_t>((command.field + i * 7) % 5000))] = change;
  }
  meet_group(group);
  std::map<std::string, std::string> seen;
  const Result<EditOutcome> done = cache_.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
    seen.clear();
    for (const GroupEntry& entry : edit.before().entries)
      seen.emplace(entry.field, entry.value);
    for (const auto& [field, change] : changes) {
      if (change.action == 0) {
        edit.erase(field);
      } else if (change.action == 1) {
        edit.restate(field, change.value);
      } else {
        edit.set(field, change.value, change.options);
      }
    }
    return {};
  });
  if (!done) {
    // An edit keeps all of its fields or none: those of one hash have to fit on a page.
    bool rightly = done.error().code == Errc::group_too_large &&
                   (setup_.names_collide || least_class_max_ < 10'000'000);
    for (const auto& [field, change] : changes)
      rightly |= rightly_refused(group, field, change.value.size(), done.error().code);
    if (!rightly) fail("edit_group: " + done.error().message);
    return;
  }
  // What the edit did not see was lost before; what is new now was not there.
  for (const auto& [field, value] : seen) {
    const Entry* const entry = find_entry(group, field);
    if (entry == nullptr || entry->value != value)
      return fail("edit_group() saw what is not so: " + place(group, field));
  }
  if (const Group* const known = find_group(group)) {
    std::vector<std::string> missing;
    for (const auto& [field, entry] : known->entries) {
      if (!seen.contains(field)) missing.push_back(field);
    }
    for (const std::string& field : missing)
      end_entry(group, field, End::lost);
  }
  EditOutcome expected;
  for (const auto& [field, change] : changes) {
    const Entry* const entry = find_entry(group, field);
    if (change.action == 0) {
      if (entry == nullptr) continue;
      end_entry(group, field, End::erased);
      ++expected.erased;
      continue;
    }
    std::int64_t deadline = change.options.ttl ? now() + change.options.ttl->count() : k_never;
    if (entry != nullptr && (change.action == 1 || change.action == 3)) deadline = entry->deadline;
    if (entry == nullptr) {
      ++expected.inserted;
    } else if (change.action != 1) {
      ++expected.replaced;
      ++replaced_;
    }
    believe(group, field, change.value, deadline);
  }
  if (done->inserted != expected.inserted || done->replaced != expected.replaced ||
      done->erased != expected.erased)
    return fail("edit_group() counts something else in " + shown(group));
  if (!blind_) drain();  // so that the ring does not overflow
}

inline void Model::erase_if(const Command& command, const std::string& group) {
  for_each(group);  // now both sides agree on what is there
  if (!failure_.empty()) return;
  std::set<std::string> chosen;
  const Result<std::uint64_t> erased =
      cache_.erase_if(group, [&](std::string_view field, std::string_view value) {
        if ((field.size() + value.size() + command.arg) % 3 != 0) return false;
        chosen.emplace(field);
        return true;
      });
  if (!erased) return fail("erase_if: " + erased.error().message);
  if (*erased > chosen.size()) return fail("erase_if() erased more than the predicate chose");
  for (const std::string& field : chosen) {
    if (cache_.contains(group, field)) return fail("erase_if() left " + place(group, field));
    if (find_entry(group, field) == nullptr)
      return fail("erase_if() saw what should not exist: " + place(group, field));
    end_entry(group, field, End::erased);
  }
}

inline void Model::scan_start(const std::string& group) {
  if (scans_.size() >= 3) scans_.erase(scans_.begin());
  Group* const known = find_group(group);
  if (known == nullptr) return;
  Scan scan;
  scan.group = group;
  for (const auto& [field, entry] : known->entries)
    scan.at_start.emplace(field, entry.life);
  scans_.push_back(std::move(scan));
}

inline void Model::scan_step(const Command& command) {
  if (scans_.empty()) return;
  const std::size_t which = command.arg % scans_.size();
  const std::string group = scans_[which].group;
  meet_group(group);
  if (which >= scans_.size() || scans_[which].group != group) return;  // the group has gone
  Scan& scan = scans_[which];
  const Result<Cursor> next = cache_.scan(
      group, scan.cursor, 1 + command.size % 20,
      [&](std::string_view field, std::string_view value) {
        scan.seen.emplace(field);
        const Entry* const entry = find_entry(group, std::string(field));
        if (entry == nullptr) {
          fail("scan() sees what should not exist: " + place(group, std::string(field)));
        } else if (entry->value != value) {
          fail("scan() sees another value: " + place(group, std::string(field)));
        }
      });
  if (!next) return fail("scan: " + next.error().message);
  maybe_used(group);
  scan.cursor = *next;
  if (scan.cursor != 0) return;
  for (const auto& [field, life] : scan.at_start) {
    const Entry* const entry = find_entry(group, field);
    if (entry == nullptr || entry->life != life || scan.seen.contains(field)) continue;
    if (cache_.contains(group, field)) return fail("scan() missed " + place(group, field));
  }
  scans_.erase(scans_.begin() + static_cast<std::ptrdiff_t>(which));
}

inline void Model::rename_group(const Command& command, const std::string& group) {
  const std::string to = group_name(static_cast<std::uint8_t>(command.arg / 2 % 8));
  if (to == group) return;
  const bool replace = command.arg % 2 == 0;
  meet_group(group);
  meet_group(to);
  const Group* const target = find_group(to);
  const bool taken = target != nullptr && !target->entries.empty();
  const Result<void> done = cache_.rename_group(group, to, replace);
  Group* const from = find_group(group);
  if (!done) {
    const Errc code = done.error().code;
    if (code == Errc::not_found && from == nullptr) return;
    if (code == Errc::not_found && from->entries.empty()) return;
    // Its new class is full, and those who made room were its own entries.
    if (code == Errc::not_found && least_class_max_ != UINT64_MAX && !cache_.contains_group(group))
      return end_group(group, End::lost);
    if (code == Errc::exists && !replace) return;
    if (code == Errc::no_room && (setup_.names_collide || least_class_max_ != UINT64_MAX)) return;
    return fail("rename_group: " + done.error().message);
  }
  if (!replace && taken) return fail("rename_group() replaced a target unasked");
  end_group(to, End::erased);
  // Expired entries that are still stored move along, and their events will carry the new name.
  for (auto& [field, lives] : ended_) {
    for (Ended& life : lives) {
      if (life.names.contains(group)) life.names.insert(to);
    }
  }
  for (Scan& scan : scans_) {
    if (scan.group == group) scan.group = to;
  }
  if (find_group(group) == nullptr) return;
  auto node = groups_.extract(group);
  node.key() = to;
  node.mapped().names.insert(to);
  node.mapped().used_maybe = now();
  groups_.insert(std::move(node));
}

/// One class more, one less, or other limits for one: within each other, and of groups that there
/// are. What it does to a group's own limits the contract suite asks.
inline void Model::classes(const Command& command) {
  constexpr std::array<std::string_view, 8> patterns = {
      "*", "g*", "group:*", "group:1*", "group:12*", "GGGG*", "group:3*", "other*"};
  const std::string_view pattern = patterns[command.arg % patterns.size()];
  if (command.size % 3 == 0) {
    const Result<bool> removed = cache_.remove_class(pattern);
    if (!removed) fail("remove_class: " + removed.error().message);
    return;
  }
  ClassLimits limits;
  limits.weight = command.size % 4 == 1 ? 50 + command.size % 100 : 0;
  // What holds nearly every group may hold so much that the cache is full first.
  const std::uint64_t least_max = command.arg % patterns.size() < 3 ? 4'000'000 : 20'000;
  if (command.arg % 5 == 0) limits.max = least_max + command.size * 100ULL;
  if (command.arg % 3 == 0) limits.high = limits.max != 0 ? limits.max / 2 : command.size * 100ULL;
  if (limits.high == 0 && limits.max == 0) {
    if (command.arg % 7 == 1) limits.min = command.size * 40ULL;
    if (command.arg % 7 == 2) limits.low = command.size * 80ULL;
  }
  if (limits.max != 0) {
    least_class_max_ = std::min(least_class_max_, limits.max);
    limited_ = true;
  }
  if (const Result<void> done = cache_.define_class(pattern, limits); !done)
    // The sum of all min is more than a class above it may hold, or than the cache.
    if (done.error().code != Errc::invalid_argument) fail("define_class: " + done.error().message);
}

inline void Model::burst(const Command& command, const std::string& group) {
  for (std::uint32_t i = 0; i < command.size && failure_.empty(); ++i) {
    Command one = command;
    one.op = Op::set;
    one.size = command.arg % 3 == 0 ? i % 200 : 30 + command.arg % 600;
    one.arg = command.arg + i * 7919;
    const auto field = static_cast<std::uint16_t>((command.field + i * 7) % 5000);
    SetOptions options;
    if (command.arg % 5 == 0) options.ttl = Millis(1 + i % 3000);
    write(group, field_name(field), value_of(one), options);
    watch_pressure();
  }
  if (blind_) return;
  drain();  // so that the ring does not overflow
}

}  // namespace ullage::test
