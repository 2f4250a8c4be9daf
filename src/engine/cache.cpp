// The public Cache: checks arguments and calls the parts. Single entries and batches; groups are in
// cache_groups.cpp, loading in cache_loading.cpp.
#include <ullage/cache.h>

#include "engine/arguments.h"
#include "engine/core.h"
#include "engine/reentry.h"
#include "engine/scratch.h"
#include "engine/value_into.h"
#include "engine/walk.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace ullage {

using namespace engine;

namespace {

class BufferInto final : public ValueSink {
 public:
  explicit BufferInto(std::span<char> buffer) noexcept : buffer_(buffer) {}
  char* start(std::size_t bytes) override {
    return bytes <= buffer_.size() ? buffer_.data() : nullptr;
  }

 private:
  std::span<char> buffer_;
};

class SizeOnly final : public ValueSink {
 public:
  char* start(std::size_t) override { return nullptr; }
};

constexpr std::size_t k_chunk_bytes = 64 * k_kib;
constexpr std::size_t k_walks = 32;  // keys of a batch whose lines are fetched together

std::int64_t deadline_of(const CacheCore& core, std::optional<Millis> ttl) noexcept {
  return ttl ? core.state.now_ms() + ttl->count() : k_never_ms;
}
bool names_fit(std::string_view group, std::string_view field) noexcept {
  return group.size() <= k_name_max_bytes && field.size() <= k_name_max_bytes;
}
SetOutcome outcome_of(WriteOutcome outcome) noexcept {
  switch (outcome) {
    case WriteOutcome::inserted:
      return SetOutcome::inserted;
    case WriteOutcome::replaced:
      return SetOutcome::replaced;
    case WriteOutcome::unchanged:
    case WriteOutcome::erased:
      break;
  }
  return SetOutcome::unchanged;
}
}  // namespace

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::limit_too_small:
      return "limit_too_small";
    case Errc::limit_too_large:
      return "limit_too_large";
    case Errc::name_too_long:
      return "name_too_long";
    case Errc::value_too_long:
      return "value_too_long";
    case Errc::ttl_out_of_range:
      return "ttl_out_of_range";
    case Errc::batch_too_large:
      return "batch_too_large";
    case Errc::group_too_large:
      return "group_too_large";
    case Errc::no_room:
      return "no_room";
    case Errc::not_found:
      return "not_found";
    case Errc::exists:
      return "exists";
    case Errc::not_a_number:
      return "not_a_number";
    case Errc::out_of_range:
      return "out_of_range";
    case Errc::busy:
      return "busy";
    case Errc::reentered:
      return "reentered";
    case Errc::load_failed:
      return "load_failed";
    case Errc::system:
      return "system";
    case Errc::bad_encoding:
      return "bad_encoding";
    case Errc::bad_json:
      return "bad_json";
    case Errc::bad_pointer:
      return "bad_pointer";
    case Errc::bad_patch:
      return "bad_patch";
    case Errc::patch_failed:
      return "patch_failed";
    case Errc::too_deep:
      return "too_deep";
    case Errc::too_many_leaves:
      return "too_many_leaves";
    case Errc::path_too_long:
      return "path_too_long";
    case Errc::wrong_type:
      return "wrong_type";
    case Errc::wrong_kind:
      return "wrong_kind";
  }
  return "unknown";
}

std::string_view to_string(RemovalCause cause) noexcept {
  switch (cause) {
    case RemovalCause::evicted:
      return "evicted";
    case RemovalCause::expired:
      return "expired";
    case RemovalCause::replaced:
      return "replaced";
    case RemovalCause::erased:
      return "erased";
    case RemovalCause::limit:
      return "limit";
  }
  return "unknown";
}

Result<Cache> Cache::open(Options options) {
  auto core = CacheCore::open(std::move(options));
  if (!core) return core.error();
  return Cache(std::move(core).value());
}

Cache::Cache(std::unique_ptr<CacheCore> core) noexcept : core_(std::move(core)) {}
Cache::Cache(Cache&&) noexcept = default;
Cache& Cache::operator=(Cache&&) noexcept = default;
Cache::~Cache() = default;

Result<SetOutcome> Cache::set(std::string_view group, std::string_view field,
                              std::string_view value, const SetOptions& options) {
  if (auto bad = check_names(group, field)) return *bad;
  if (auto bad = check_value(value, core_->state.max_value_bytes)) return *bad;
  if (auto bad = check_ttl("ttl", options.ttl)) return *bad;
  if (options.keep_ttl && options.ttl)
    return Error{Errc::invalid_argument, "keep_ttl and ttl exclude each other"};
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const Names names = core_->reader.names(group, field);
  const std::int64_t deadline_ms = deadline_of(*core_, options.ttl);
  const auto decide = [&](const Present& present) -> Decision {
    if (options.condition == Condition::if_absent && present.exists) return {};
    if (options.condition == Condition::if_present && !present.exists) return {};
    return {Decision::Kind::put, value, options.keep_ttl ? present.deadline_ms : deadline_ms};
  };
  auto done = core_->change(names, false, decide);
  if (!done) return done.error();
  return outcome_of(*done);
}

std::optional<Value> Cache::get(std::string_view group, std::string_view field) {
  if (!names_fit(group, field) || UpdateScope::holds(core_.get())) return std::nullopt;
  std::optional<Value> value;
  ValueInto sink(value);
  if (!core_->reader.read(core_->reader.names(group, field), sink, true).hit) value.reset();
  return value;
}

std::optional<std::size_t> Cache::get_into(std::string_view group, std::string_view field,
                                           std::span<char> buffer) {
  if (!names_fit(group, field) || UpdateScope::holds(core_.get())) return std::nullopt;
  BufferInto sink(buffer);
  const ReadResult read = core_->reader.read(core_->reader.names(group, field), sink, true);
  if (!read.hit) return std::nullopt;
  return read.bytes;
}

Result<bool> Cache::visit(std::string_view group, std::string_view field,
                          FunctionRef<void(std::string_view)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  if (!names_fit(group, field)) return false;
  Scratch scratch;
  if (!core_->reader.read(core_->reader.names(group, field), scratch, true).hit) return false;
  const VisitorScope scope;
  visitor(scratch.view());
  return true;
}

Result<bool> Cache::visit_chunks(
    std::string_view group, std::string_view field,
    FunctionRef<bool(std::string_view, std::size_t, std::size_t)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  if (!names_fit(group, field)) return false;
  const Names names = core_->reader.names(group, field);
  SizeOnly size;
  const ReadResult read = core_->reader.read(names, size, true);
  if (!read.hit) return false;
  const VisitorScope scope;
  if (read.bytes <= k_chunk_bytes) {
    Scratch scratch;
    if (!core_->reader.read(names, scratch, false).hit) return false;
    // It may be another by now, and a large one.
    for (std::size_t offset = 0, total = scratch.view().size();;) {
      const std::string_view chunk = scratch.view().substr(offset, k_chunk_bytes);
      if (!visitor(chunk, offset, total)) break;
      offset += chunk.size();
      if (offset >= total) break;
    }
    return true;
  }
  const auto buffer = std::make_unique<char[]>(k_chunk_bytes);
  std::optional<std::uint32_t> stamp;
  for (std::size_t offset = 0, total = read.bytes; offset < total;) {
    const auto chunk = core_->reader.read_chunk(names, offset, {buffer.get(), k_chunk_bytes});
    if (!chunk.hit) {
      // Gone; or another that is held in one piece.
      if (!stamp && !core_->reader.read(names, size, false).hit) return false;
      return Error{Errc::busy, "the value changed while its chunks were visited"};
    }
    if (stamp && (*stamp != chunk.stamp || total != chunk.total))
      return Error{Errc::busy, "the value changed while its chunks were visited"};
    stamp = chunk.stamp;
    total = chunk.total;
    if (!visitor({buffer.get(), chunk.bytes}, offset, total)) break;
    offset += chunk.bytes;
  }
  return true;
}

bool Cache::contains(std::string_view group, std::string_view field) {
  return value_size(group, field).has_value();
}

std::optional<std::size_t> Cache::value_size(std::string_view group, std::string_view field) {
  if (!names_fit(group, field) || UpdateScope::holds(core_.get())) return std::nullopt;
  SizeOnly sink;
  const ReadResult read = core_->reader.read(core_->reader.names(group, field), sink, false);
  if (!read.hit) return std::nullopt;
  return read.bytes;
}

bool Cache::erase(std::string_view group, std::string_view field) {
  if (!names_fit(group, field) || UpdateScope::holds(core_.get())) return false;
  const Names names = core_->reader.names(group, field);
  const auto done = core_->change(
      names, false, [](const Present&) { return Decision{Decision::Kind::erase, {}, k_never_ms}; });
  return done.has_value() && *done == WriteOutcome::erased;
}

Result<SetOutcome> Cache::try_emplace(std::string_view group, std::string_view field,
                                      std::string_view value, SetOptions options) {
  options.condition = Condition::if_absent;
  return set(group, field, value, options);
}

Result<bool> Cache::compare_and_set(std::string_view group, std::string_view field,
                                    std::string_view expected, std::string_view desired,
                                    SetOptions options) {
  if (auto bad = check_names(group, field)) return *bad;
  if (auto bad = check_value(desired, core_->state.max_value_bytes)) return *bad;
  if (auto bad = check_ttl("ttl", options.ttl)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const Names names = core_->reader.names(group, field);
  const std::int64_t deadline_ms = deadline_of(*core_, options.ttl);
  auto done = core_->change(names, true, [&](const Present& present) -> Decision {
    if (!present.exists || *present.value != expected) return {};
    return {Decision::Kind::put, desired, options.ttl ? deadline_ms : present.deadline_ms};
  });
  if (!done) return done.error();
  return *done != WriteOutcome::unchanged;
}

Result<std::int64_t> Cache::increment(std::string_view group, std::string_view field,
                                      std::int64_t by) {
  if (auto bad = check_names(group, field)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const Names names = core_->reader.names(group, field);
  std::int64_t result = 0;
  std::array<char, 24> text{};
  std::optional<Error> error;
  auto done = core_->change(names, true, [&](const Present& present) -> Decision {
    error.reset();
    std::int64_t now = 0;
    if (present.exists) {
      const std::string_view value = *present.value;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), now);
      if (parsed.ec == std::errc::result_out_of_range) {
        error = Error{Errc::not_a_number, "the value is outside the range of a 64-bit integer"};
        return {};
      }
      // One form only: a sum must not change "007" to "8" behind the back of who wrote it.
      const auto canonical = std::to_chars(text.data(), text.data() + text.size(), now).ptr;
      if (parsed.ec != std::errc{} || parsed.ptr != value.data() + value.size() ||
          value !=
              std::string_view(text.data(), static_cast<std::size_t>(canonical - text.data()))) {
        error = Error{Errc::not_a_number, "the value is no decimal integer"};
        return {};
      }
    }
    if (__builtin_add_overflow(now, by, &result)) {
      error = Error{Errc::out_of_range, std::to_string(now) + " + " + std::to_string(by) +
                                            " is outside the range of a 64-bit integer"};
      return {};
    }
    const auto end = std::to_chars(text.data(), text.data() + text.size(), result).ptr;
    return {Decision::Kind::put,
            {text.data(), static_cast<std::size_t>(end - text.data())},
            present.deadline_ms};
  });
  if (!done) return done.error();
  if (error) return *error;
  return result;
}

Result<SetOutcome> Cache::update(
    std::string_view group, std::string_view field,
    FunctionRef<std::optional<std::string>(std::optional<std::string_view>)> update,
    SetOptions options) {
  if (auto bad = check_names(group, field)) return *bad;
  if (auto bad = check_ttl("ttl", options.ttl)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const Names names = core_->reader.names(group, field);
  const std::int64_t deadline_ms = deadline_of(*core_, options.ttl);
  std::optional<std::string> made;
  std::optional<std::string> seen;  // what the function made it from
  std::uint32_t answers = 0;
  std::optional<Error> error;
  auto done = core_->change(names, true, [&](const Present& present) -> Decision {
    // A round that had to make room decides again: the answer stands while the entry is the same.
    const std::optional<std::string_view> now = present.exists ? present.value : std::nullopt;
    if (answers == 0 || seen != now) {
      const UpdateScope scope(core_.get());
      made = update(now);
      seen = now;
      ++answers;
    }
    error = made ? check_value(*made, core_->state.max_value_bytes) : std::nullopt;
    if (!made || error) return {};
    return {Decision::Kind::put, *made, options.ttl ? deadline_ms : present.deadline_ms, answers};
  });
  if (!done) return done.error();
  if (error) return *error;
  return outcome_of(*done);
}

namespace {

/// Hashes a key; the group's hash is the last one's where the group is, which is what a batch over
/// one group has.
Names names_after(const State& state, const Names& last, const Key& key) noexcept {
  const bool same_group = last.group.data() == key.group.data() &&
                          last.group.size() == key.group.size() && !key.group.empty();
  return {key.group, key.field, same_group ? last.group_hash : state.hash_group(key.group),
          state.hash_field(key.field)};
}

/// Walks to the next keys together; answers which of the walks are of keys that fit.
std::uint64_t walk_to(const State& state, std::array<Walk, k_walks>& walks,
                      std::span<const Key> keys) noexcept {
  std::uint64_t fit = 0;
  Names last;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!names_fit(keys[i].group, keys[i].field)) continue;
    last = names_after(state, last, keys[i]);
    walks[i].begin(state, last);
    fit |= std::uint64_t{1} << i;
  }
  walk_together(walks, fit);
  return fit;
}

/// Reads keys in windows: `read(i, walk)` for each that fits, once its walk is done, and
/// `miss(i)` for the others.
template <class Read, class Miss>
void for_each_walk(const State& state, std::span<const Key> keys, Read read, Miss miss) {
  std::array<Walk, k_walks> walks;
  for (std::size_t first = 0; first < keys.size(); first += k_walks) {
    const auto window = keys.subspan(first, std::min(k_walks, keys.size() - first));
    const std::uint64_t fit = walk_to(state, walks, window);
    for (std::size_t i = 0; i < window.size(); ++i) {
      if ((fit >> i & 1) != 0) {
        read(first + i, walks[i]);
      } else {
        miss(first + i);
      }
    }
  }
}

}  // namespace

Result<void> Cache::get_many(std::span<const Key> keys, std::span<std::optional<Value>> out) {
  if (auto bad = check_batch(keys.size())) return *bad;
  if (keys.size() != out.size()) {
    return Error{Errc::invalid_argument, "get_many: " + std::to_string(keys.size()) +
                                             " keys but room for " + std::to_string(out.size()) +
                                             " answers"};
  }
  if (UpdateScope::holds(core_.get())) return reentered_update();
  for_each_walk(
      core_->state, keys,
      [&](std::size_t i, const Walk& walk) {
        out[i].reset();
        ValueInto sink(out[i]);
        if (!core_->reader.read(walk, sink, true).hit) out[i].reset();
      },
      [&](std::size_t i) { out[i].reset(); });
  return {};
}

Result<void> Cache::visit_many(
    std::span<const Key> keys,
    FunctionRef<void(std::size_t, std::optional<std::string_view>)> visitor) {
  if (auto bad = check_batch(keys.size())) return *bad;
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  const VisitorScope scope;
  for_each_walk(
      core_->state, keys,
      [&](std::size_t i, const Walk& walk) {
        Scratch scratch;
        const bool hit = core_->reader.read(walk, scratch, true).hit;
        visitor(i, hit ? std::optional(scratch.view()) : std::nullopt);
      },
      [&](std::size_t i) { visitor(i, std::nullopt); });
  return {};
}

void Cache::prefetch(std::span<const Key> keys) noexcept {
  std::array<Walk, k_walks> walks;
  for (std::size_t first = 0; first < keys.size(); first += k_walks)
    walk_to(core_->state, walks, keys.subspan(first, std::min(k_walks, keys.size() - first)));
}

Result<std::size_t> Cache::set_many(std::span<const Item> items, const SetOptions& options) {
  if (auto bad = check_batch(items.size())) return *bad;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto done = set(items[i].group, items[i].field, items[i].value, options);
    if (!done)
      return Error{done.error().code, "item " + std::to_string(i) + " of " +
                                          std::to_string(items.size()) + ": " +
                                          done.error().message};
  }
  return items.size();
}

std::uint64_t Cache::size() const noexcept {
  return core_->state.entries.load(std::memory_order_relaxed);
}
std::uint64_t Cache::group_count() const noexcept {
  return core_->state.counted(Counter::groups);
}

Result<bool> Cache::expire(std::string_view group, std::string_view field,
                           std::optional<Millis> ttl) {
  if (auto bad = check_ttl("ttl", ttl)) return *bad;
  if (UpdateScope::holds(core_.get())) return reentered_update();
  if (!names_fit(group, field)) return false;
  const Names names = core_->reader.names(group, field);
  const std::int64_t deadline_ms = deadline_of(*core_, ttl);
  auto done = core_->writer.write(names, false, [&](const Present& present) -> Decision {
    if (!present.exists) return {};
    return {Decision::Kind::redate, {}, deadline_ms};
  });
  if (!done) return done.error();
  return *done != WriteOutcome::unchanged;
}

std::optional<Ttl> Cache::ttl(std::string_view group, std::string_view field) {
  if (!names_fit(group, field) || UpdateScope::holds(core_.get())) return std::nullopt;
  SizeOnly sink;
  const ReadResult read = core_->reader.read(core_->reader.names(group, field), sink, false);
  if (!read.hit) return std::nullopt;
  if (read.deadline_ms == k_never_ms) return Ttl{};
  return Ttl{Millis(std::max<std::int64_t>(read.deadline_ms - core_->state.now_ms(), 0))};
}

Result<void> Cache::set_memory_limit(std::size_t bytes) {
  if (UpdateScope::holds(core_.get())) return reentered_update();
  return core_->set_memory_limit(bytes);
}
void Cache::set_removal_causes(RemovalCauses causes) noexcept {
  const std::uint32_t before = core_->ring.causes().bits();
  core_->ring.set_causes(causes);
  // Whoever began without knowing holds a shard: once each was free for a moment, all know.
  if ((causes.bits() & ~before) == 0 || UpdateScope::holds(core_.get())) return;
  for (std::size_t i = 0; i < core_->state.shard_count(); ++i)
    const ShardGuard passed(core_->state.shards[i]);
}

void Cache::set_trace(TraceSink* sink) noexcept {
  core_->state.trace.set(sink);
}

void Cache::set_max_entries(std::uint64_t entries) noexcept {
  core_->state.max_entries.store(entries, std::memory_order_relaxed);
}

Result<void> Cache::reserve(std::size_t bytes) {
  const std::size_t limit = core_->state.memory_limit.load(std::memory_order_relaxed);
  if (bytes > limit) {
    return Error{Errc::limit_too_large, "reserve of " + std::to_string(bytes) +
                                            " bytes is above memory_limit of " +
                                            std::to_string(limit)};
  }
  arena::Arena& arena = *core_->state.arena;
  const std::size_t resident = arena.populate(bytes) + arena.slab_bytes_in_use();
  core_->state.resident_slabs.store(resident / arena.slab_bytes(), std::memory_order_relaxed);
  return {};
}

std::size_t Cache::tick(std::size_t budget) {
  return UpdateScope::holds(core_.get()) ? 0 : core_->tick(budget);
}
Stats Cache::stats() const {
  return core_->stats();
}
Validation Cache::validate() {
  if (UpdateScope::holds(core_.get())) {
    Validation refused;
    refused.ok = false;
    refused.findings.push_back(reentered_update().message);
    return refused;
  }
  return core_->validate();
}

}  // namespace ullage
