// The public Cache's get_or_load and get_or_load_many.
#include <ullage/cache.h>

#include "engine/arguments.h"
#include "engine/core.h"
#include "engine/reentry.h"
#include "engine/value_into.h"

#include <algorithm>
#include <utility>

namespace ullage {

using namespace engine;

namespace {

/// Counts a load, and remembers it if it brought nothing.
void note(CacheCore& core, const LoadSubject& subject, const Flights::Flight& flight,
          const Landed& landed, const LoadOptions& options) {
  core.state.count(Counter::loads);
  switch (landed.kind) {
    case Loaded::Kind::value:
      break;
    case Loaded::Kind::none:
      core.flights.remember(subject, flight, landed.kind, {}, options.negative_ttl);
      break;
    case Loaded::Kind::failure:
      core.state.count(Counter::load_failures);
      core.flights.remember(subject, flight, landed.kind, landed.message, options.failure_ttl);
      break;
  }
}

/// Stores what a flight brought, unless a write overtook it; then answers for everybody aboard.
Landed store_loaded(CacheCore& core, const Names& names,
                    const std::shared_ptr<Flights::Flight>& flight, Loaded loaded,
                    const LoadOptions& options, bool over_present, std::optional<Error>& error) {
  Landed landed{loaded.kind, std::move(loaded.value), std::move(loaded.message)};
  note(core, names, *flight, landed, options);
  if (landed.kind != Loaded::Kind::value) return landed;
  const std::optional<Millis> ttl = loaded.ttl ? loaded.ttl : options.ttl;
  error = check_value(landed.value, core.state.max_value_bytes);
  if (!error) error = check_ttl("ttl", ttl);
  if (!error) {
    const std::int64_t deadline_ms = ttl ? core.state.now_ms() + ttl->count() : k_never_ms;
    auto done = core.writer.write(names, false, [&](const Present& present) -> Decision {
      if (flight->overtaken.load(std::memory_order_acquire) || (present.exists && !over_present))
        return {};
      return {Decision::Kind::put, landed.value, deadline_ms};
    });
    if (!done) error = done.error();
  }
  if (error) landed = {Loaded::Kind::failure, {}, error->message};
  return landed;
}

/// After a write that came during the load, what it left is the truth.
void prefer_what_overtook(CacheCore& core, const Names& names,
                          const std::shared_ptr<Flights::Flight>& flight, Landed& landed) {
  if (!flight->overtaken.load(std::memory_order_acquire)) return;
  std::optional<Value> present;
  ValueInto sink(present);
  if (core.reader.read(names, sink, false).hit) landed = {Loaded::Kind::value, present->str(), {}};
}

Error load_failed(const Landed& landed) {
  return {Errc::load_failed, landed.message.empty() ? "the loader failed" : landed.message};
}
Result<std::optional<Value>> answer(const Landed& landed) {
  switch (landed.kind) {
    case Loaded::Kind::value:
      return std::optional<Value>(Value(landed.value));
    case Loaded::Kind::none:
      return std::optional<Value>();
    case Loaded::Kind::failure:
      break;
  }
  return load_failed(landed);
}
Result<bool> answer_whether(const Landed& landed) {
  if (landed.kind == Loaded::Kind::failure) return load_failed(landed);
  return landed.kind == Loaded::Kind::value;
}

/// Runs what loads; an exception lands the flight for the others and passes on.
template <class Load>
auto guarded(CacheCore& core, const LoadSubject& subject,
             const std::shared_ptr<Flights::Flight>& flight, Load load) {
  try {
    return load();
  } catch (...) {
    core.state.count(Counter::loads);
    core.state.count(Counter::load_failures);
    core.flights.land(subject, flight,
                      {Loaded::Kind::failure, {}, "the loader threw an exception"});
    throw;
  }
}
Loaded call(const Loader& loader, CacheCore& core, const Names& names,
            const std::shared_ptr<Flights::Flight>& flight) {
  return guarded(core, names, flight, [&] { return loader(names.group, names.field); });
}

void refresh(CacheCore& core, const Names& names, const Loader& loader,
             const LoadOptions& options) {
  auto boarded = core.flights.board(names);
  if (!boarded.pilot) return;
  std::optional<Error> error;
  Landed landed{Loaded::Kind::failure, {}, {}};
  try {
    landed = store_loaded(core, names, boarded.flight, call(loader, core, names, boarded.flight),
                          options, true, error);
  } catch (...) {
    return;  // landed by call(): the value that is there stays until it ends
  }
  prefer_what_overtook(core, names, boarded.flight, landed);
  core.flights.land(names, boarded.flight, std::move(landed));
}

/// One entry's turn to be refreshed, from the hit that asked for it to the end of the task.
class RefreshTurn {
 public:
  RefreshTurn(std::shared_ptr<Lifeline> line, std::string_view group, std::string_view field)
      : line_(std::move(line)), group_(group), field_(field) {}
  RefreshTurn(const RefreshTurn&) = delete;
  RefreshTurn& operator=(const RefreshTurn&) = delete;
  ~RefreshTurn() {
    const std::shared_lock alive(line_->mutex);
    if (line_->core != nullptr)
      line_->core->flights.end_refresh(line_->core->state.names(group_, field_));
  }

  void take(const Loader& loader, const LoadOptions& options) const {
    const std::shared_lock alive(line_->mutex);
    if (line_->core != nullptr)
      refresh(*line_->core, line_->core->state.names(group_, field_), loader, options);
  }

 private:
  std::shared_ptr<Lifeline> line_;
  std::string group_;
  std::string field_;
};

}  // namespace

Result<std::optional<Value>> Cache::get_or_load(std::string_view group, std::string_view field,
                                                const Loader& loader, const LoadOptions& options) {
  if (auto bad = check_names(group, field)) return *bad;
  if (auto bad = check_ttl("ttl", options.ttl)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const Names names = core_->state.names(group, field);
  std::optional<Value> found;
  ValueInto sink(found);
  const ReadResult read = core_->reader.read(names, sink, true);
  if (read.hit) {
    const bool ending = options.refresh_ahead.count() > 0 && read.deadline_ms != k_never_ms &&
                        read.deadline_ms - core_->state.now_ms() < options.refresh_ahead.count();
    if (ending && core_->flights.begin_refresh(names)) {
      // Shared, since tasks are copied: the refresh ends with the last copy, run or dropped.
      auto turn = std::make_shared<RefreshTurn>(core_->lifeline, group, field);
      auto task = [turn, loader, options] { turn->take(loader, options); };
      turn.reset();
      if (core_->options.executor) {
        core_->options.executor->run(std::move(task));
      } else {
        refresh(*core_, names, loader, options);
      }
    }
    return found;
  }
  if (auto known = core_->flights.remembered(names)) {
    core_->state.count(Counter::negative_hits);
    return answer(*known);
  }
  auto boarded = core_->flights.board(names);
  if (boarded.error) return *boarded.error;
  if (!boarded.pilot) return answer(core_->flights.wait(boarded.flight));

  // Another flight may have landed between the look and the start of this one.
  if (core_->reader.read(names, sink, false).hit) {
    core_->flights.land(names, boarded.flight, {Loaded::Kind::value, found->str(), {}});
    return found;
  }
  std::optional<Error> error;
  Landed landed = store_loaded(*core_, names, boarded.flight,
                               call(loader, *core_, names, boarded.flight), options, false, error);
  prefer_what_overtook(*core_, names, boarded.flight, landed);
  core_->flights.land(names, boarded.flight, landed);
  if (error) return *error;
  return answer(landed);
}

Result<std::vector<std::optional<Value>>> Cache::get_or_load_many(
    std::string_view group, std::span<const std::string_view> fields, const BulkLoader& loader,
    const LoadOptions& options) {
  if (auto bad = check_batch(fields.size())) return *bad;
  if (auto bad = check_name("group", group)) return *bad;
  for (const std::string_view field : fields) {
    if (auto bad = check_name("field", field)) return *bad;
  }
  if (auto bad = check_ttl("ttl", options.ttl)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();

  std::vector<std::optional<Value>> out(fields.size());
  std::vector<std::string_view> missing;
  std::vector<std::size_t> missing_at;
  std::vector<std::shared_ptr<Flights::Flight>> mine;
  std::vector<std::pair<std::size_t, std::shared_ptr<Flights::Flight>>> others;
  std::optional<Error> error;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Names names = core_->state.names(group, fields[i]);
    ValueInto sink(out[i]);
    if (core_->reader.read(names, sink, true).hit) continue;
    out[i].reset();
    if (auto known = core_->flights.remembered(names)) {
      core_->state.count(Counter::negative_hits);
      if (known->kind == Loaded::Kind::failure && !error)
        error = Error{Errc::load_failed, known->message};
      continue;
    }
    auto boarded = core_->flights.board(names);
    if (boarded.pilot && core_->reader.read(names, sink, false).hit) {
      // Another flight landed between the look and the start of this one.
      core_->flights.land(names, boarded.flight, {Loaded::Kind::value, out[i]->str(), {}});
    } else if (boarded.pilot) {
      out[i].reset();
      missing.push_back(fields[i]);
      missing_at.push_back(i);
      mine.push_back(boarded.flight);
    } else if (boarded.flight) {
      others.emplace_back(i, boarded.flight);
    } else {
      // A field named twice in one call is loaded once: the second takes what the first brings.
      const auto twin = std::find(missing.begin(), missing.end(), fields[i]);
      if (twin != missing.end()) {
        others.emplace_back(i, mine[static_cast<std::size_t>(twin - missing.begin())]);
      } else if (!error) {
        error = boarded.error;
      }
    }
  }
  if (!missing.empty()) {
    std::vector<Loaded> loaded;
    const auto land_all = [&](const std::string& why) {
      for (std::size_t i = 0; i < missing.size(); ++i) {
        core_->flights.land(core_->state.names(group, missing[i]), mine[i],
                            {Loaded::Kind::failure, {}, why});
      }
    };
    try {
      loaded = loader(group, missing);
    } catch (...) {
      land_all("the loader threw an exception");
      throw;
    }
    if (loaded.size() != missing.size()) {
      land_all("the bulk loader answered " + std::to_string(loaded.size()) + " results for " +
               std::to_string(missing.size()) + " fields");
      return Error{Errc::load_failed, "the bulk loader answered " + std::to_string(loaded.size()) +
                                          " results for " + std::to_string(missing.size()) +
                                          " fields"};
    }
    for (std::size_t i = 0; i < missing.size(); ++i) {
      const Names names = core_->state.names(group, missing[i]);
      std::optional<Error> failed;
      Landed landed =
          store_loaded(*core_, names, mine[i], std::move(loaded[i]), options, false, failed);
      prefer_what_overtook(*core_, names, mine[i], landed);
      if (landed.kind == Loaded::Kind::value) out[missing_at[i]] = Value(landed.value);
      if (landed.kind == Loaded::Kind::failure && !error) {
        error = failed ? *failed : load_failed(landed);
      }
      core_->flights.land(names, mine[i], landed);
    }
  }
  for (auto& [i, flight] : others) {
    const Landed landed = core_->flights.wait(flight);
    if (landed.kind == Loaded::Kind::value) out[i] = Value(landed.value);
    if (landed.kind == Loaded::Kind::failure && !error)
      error = Error{Errc::load_failed, landed.message};
  }
  if (error) return *error;
  return out;
}

Result<bool> Cache::load_group(
    std::string_view group,
    FunctionRef<std::optional<Loaded>(const std::atomic<bool>& overtaken)> load,
    const LoadOptions& options) {
  if (auto bad = check_name("group", group)) return *bad;
  if (auto bad = check_ttl("ttl", options.ttl)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const LoadSubject subject(group);
  if (auto known = core_->flights.remembered(subject)) {
    core_->state.count(Counter::negative_hits);
    return answer_whether(*known);
  }
  const auto boarded = core_->flights.board(subject);
  if (boarded.error) return *boarded.error;
  if (!boarded.pilot) return answer_whether(core_->flights.wait(boarded.flight));
  Landed landed{Loaded::Kind::value, {}, {}};
  std::optional<Loaded> loaded =
      guarded(*core_, subject, boarded.flight, [&] { return load(boarded.flight->overtaken); });
  if (loaded) {
    landed = {loaded->kind, {}, std::move(loaded->message)};
    note(*core_, subject, *boarded.flight, landed, options);
  }
  core_->flights.land(subject, boarded.flight, landed);
  return answer_whether(landed);
}

}  // namespace ullage
