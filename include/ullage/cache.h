// Ullage: a two-level cache, group -> field -> value, that cannot outgrow its memory limit.
//
// START HERE. The whole library is this class; options.h has what it takes, result.h how it fails,
// stats.h what it says about itself.
//
//   auto cache = ullage::Cache::open({.memory_limit = 64_MiB}).value();
//   cache.set("user:42", "theme", "dark", {.ttl = 10min});
//   if (auto v = cache.get("user:42", "theme")) use(*v);
//
// LIMITATIONS. A cache is not a database: any entry may vanish at any time once the cache is full.
// What it never does is lie: a read answers with the last value written, or with nothing. And it
// forgets nothing for nothing: below every limit and without times to live all entries stay.
//
// THREAD SAFETY. All members of an open Cache may be called from any number of threads at once,
// except moving, assigning and destroying it.
//
// COST. Where nothing else is said, a call costs O(bytes of its arguments and reply) plus a
// constant: no call rehashes a table, frees a whole group, or stops other writers.
//
// CONSISTENCY. Each entry is linearizable: reads and writes of one entry look as if they happened
// one at a time. A group's for_each() sees every entry that was there all along; entries that come
// or go meanwhile may or may not be seen.
//
// CALLBACKS (visitors, loaders, listeners) run outside all locks and may call the cache. What could
// never end is detected: a loader that asks for the entry it is loading, and visitors nested deeper
// than k_visitor_depth_max, get Errc::reentered.
#pragma once

#include <ullage/classes.h>
#include <ullage/group.h>
#include <ullage/inspect.h>
#include <ullage/limits.h>
#include <ullage/options.h>
#include <ullage/result.h>
#include <ullage/stats.h>
#include <ullage/trace.h>
#include <ullage/value.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage {

namespace engine {
class CacheCore;
}

/// A non-owning reference to a callable; lives no longer than the call that takes it.
template <class Signature>
class FunctionRef;
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
             std::is_invocable_r_v<R, F&, Args...>)
  FunctionRef(
      F&& f) noexcept  // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Args... args) -> R {
          return static_cast<R>(
              (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...));
        }) {}
  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// A position in a scan. Opaque; 0 starts one, and 0 again means that the scan is done.
using Cursor = std::uint64_t;

class Cache {
 public:
  /// Opens a cache. Reserves address space for max_memory_limit and takes its fixed tables (about
  /// 1 % of the limit). Errors: limit_too_small, limit_too_large, invalid_argument, system.
  static Result<Cache> open(Options options);

  Cache(Cache&&) noexcept;
  Cache& operator=(Cache&&) noexcept;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  /// Stops the maintenance thread and gives all memory back. No call may be under way.
  ~Cache();

  // --- one entry -----------------------------------------------------------------------------

  /// Writes an entry. A full cache makes room by evicting others first.
  /// Errors: name_too_long, value_too_long, ttl_out_of_range, no_room.
  Result<SetOutcome> set(std::string_view group, std::string_view field, std::string_view value,
                         const SetOptions& options = {});

  /// The value, as a copy of its own. Takes no lock and allocates nothing up to
  /// Value::k_inline_bytes. A name that is too long is a miss, since no such entry can exist.
  [[nodiscard]] std::optional<Value> get(std::string_view group, std::string_view field);

  /// Copies the value to `buffer` and answers its size; never allocates. A value larger than the
  /// buffer is not copied at all: compare the answer with the buffer's size.
  [[nodiscard]] std::optional<std::size_t> get_into(std::string_view group, std::string_view field,
                                                    std::span<char> buffer);

  /// Calls `visitor` with a validated view of the value in this thread's scratch, valid during the
  /// call. Answers whether there was one. Error: reentered (nested too deep).
  Result<bool> visit(std::string_view group, std::string_view field,
                     FunctionRef<void(std::string_view)> visitor);

  /// The same in pieces of at most 64 KiB, in order, for values that should not be held whole:
  /// `visitor(piece, offset, total)`; answer false to stop. The pieces are of one and the same
  /// write: when the value changes meanwhile, the answer is Errc::busy and the pieces seen are
  /// void.
  Result<bool> visit_chunks(std::string_view group, std::string_view field,
                            FunctionRef<bool(std::string_view, std::size_t, std::size_t)> visitor);

  [[nodiscard]] bool contains(std::string_view group, std::string_view field);

  /// Size of the value without reading it.
  [[nodiscard]] std::optional<std::size_t> value_size(std::string_view group,
                                                      std::string_view field);

  /// Removes an entry; answers whether there was one. The last field takes its group along.
  bool erase(std::string_view group, std::string_view field);

  /// Writes only if there is no such entry: `set` with Condition::if_absent.
  Result<SetOutcome> try_emplace(std::string_view group, std::string_view field,
                                 std::string_view value, SetOptions options = {});

  /// Writes `desired` only if the present value equals `expected`. Answers whether it wrote.
  /// The time to live stays unless options has one.
  Result<bool> compare_and_set(std::string_view group, std::string_view field,
                               std::string_view expected, std::string_view desired,
                               SetOptions options = {});

  /// Adds to a decimal 64-bit integer, starting from 0 if absent; keeps the time to live. The value
  /// must be as increment() writes it: no blanks, no '+', no leading zeroes.
  /// Errors: not_a_number, out_of_range, no_room, name_too_long.
  Result<std::int64_t> increment(std::string_view group, std::string_view field,
                                 std::int64_t by = 1);

  /// Reads, computes and writes one entry as one step. `update` gets the present value or none and
  /// answers the new one, or none to leave it. It runs under the entry's lock: it must be short and
  /// must not call this cache (detected: Errc::reentered). It is called again only if the entry
  /// changed while room was made for its answer. Answers what was done. Errors: no_room, busy (a
  /// large value, and others changed the entry each time), name_too_long, value_too_long (of the
  /// answer), ttl_out_of_range.
  Result<SetOutcome> update(
      std::string_view group, std::string_view field,
      FunctionRef<std::optional<std::string>(std::optional<std::string_view>)> update,
      SetOptions options = {});

  // --- batches -------------------------------------------------------------------------------

  /// Looks all keys up in steps that overlap their memory latencies. `out` gets one answer per key.
  /// Not atomic as a whole. Errors: batch_too_large, invalid_argument (sizes differ).
  Result<void> get_many(std::span<const Key> keys, std::span<std::optional<Value>> out);

  /// Writes all items in order; stops at the first failure and answers how many were written before
  /// it in the error's message. Not atomic as a whole.
  Result<std::size_t> set_many(std::span<const Item> items, const SetOptions& options = {});

  /// The same without copies: calls `visitor(i, value)` for each key in order, none for a miss. The
  /// view is valid during its call. Errors: batch_too_large, reentered.
  Result<void> visit_many(
      std::span<const Key> keys,
      FunctionRef<void(std::size_t i, std::optional<std::string_view> value)> visitor);

  /// Asks for the memory of entries that are about to be read or written one by one, so that the
  /// waits for it overlap. A hint: changes nothing, counts nothing. Costs about the instructions of
  /// a read for each key, and the waits of one for all; worth it from a few keys on, for data much
  /// larger than the processor's caches.
  void prefetch(std::span<const Key> keys) noexcept;

  // --- groups --------------------------------------------------------------------------------

  /// Calls `visitor(field, value)` for every entry of a group. The copies are made in bounded
  /// steps; the visitor runs between them, outside all locks. Answers how many were visited.
  /// Errors: reentered.
  Result<std::uint64_t> for_each(std::string_view group,
                                 FunctionRef<void(std::string_view, std::string_view)> visitor);

  /// Calls `visitor` once with all that a group holds at one moment (group.h): O(its entries),
  /// while for_each() takes any number of them in steps. Errors: group_too_large, reentered.
  Result<void> read_group(std::string_view group, FunctionRef<void(const GroupView&)> visitor,
                          GroupUse use = GroupUse::counts);

  /// Changes a group in one step that others see all of or nothing (group.h). `edit` looks at what
  /// is there and says what is to become of it; it runs under the lock of the group's shard: it
  /// must be short and must not call this cache (detected: Errc::reentered). It is called again
  /// when room had to be made first. If it answers an error nothing is changed and the error is
  /// passed on. An entry that others write while the edit waits for room is seen by its next run.
  /// Errors: those of `edit`, group_too_large, name_too_long, value_too_long, ttl_out_of_range,
  /// invalid_argument, no_room.
  Result<EditOutcome> edit_group(std::string_view group,
                                 FunctionRef<Result<void>(GroupEdit&)> edit);

  /// What edit_group() made of a group; none if there is no such group.
  [[nodiscard]] std::optional<GroupKind> group_kind(std::string_view group);

  /// Calls `visitor(group, fields)` for every group.
  Result<std::uint64_t> for_each_group(FunctionRef<void(std::string_view, std::uint64_t)> visitor);

  /// Removes the entries for which `predicate(group, field, value)` answers true; the first form in
  /// one group, the second everywhere. An entry that changed since the predicate saw it stays.
  Result<std::uint64_t> erase_if(std::string_view group,
                                 FunctionRef<bool(std::string_view, std::string_view)> predicate);
  Result<std::uint64_t> erase_if(
      FunctionRef<bool(std::string_view, std::string_view, std::string_view)> predicate);

  /// One step of a scan over a group's entries: visits about `count` and answers the next cursor.
  /// Every entry present from the scan's start to its end is seen at least once, whatever changes
  /// meanwhile; some may be seen twice. A cursor holds nothing in the cache and may be dropped at
  /// any time.
  Result<Cursor> scan(std::string_view group, Cursor cursor, std::size_t count,
                      FunctionRef<void(std::string_view, std::string_view)> visitor);
  /// The same over all groups: `visitor(group, fields)`.
  Result<Cursor> scan_groups(Cursor cursor, std::size_t count,
                             FunctionRef<void(std::string_view, std::uint64_t)> visitor);

  /// Removes a group. It is gone for readers at once whatever its size; its bytes come back in
  /// paced steps, within a second or as soon as room is needed. Answers whether there was one.
  bool erase_group(std::string_view group);

  /// Gives a group another name in one step, whatever its size. An existing target is replaced only
  /// with `replace`. Errors: not_found, exists, name_too_long, no_room, busy.
  Result<void> rename_group(std::string_view from, std::string_view to, bool replace = false);

  /// Removes everything, as erase_group() does for each.
  void clear();

  [[nodiscard]] std::uint64_t size() const noexcept;         ///< entries
  [[nodiscard]] std::uint64_t group_count() const noexcept;  ///< groups
  /// Fields of a group; those past their time to live are never counted. 0 if there is none.
  [[nodiscard]] std::uint64_t group_size(std::string_view group);
  [[nodiscard]] bool contains_group(std::string_view group);

  /// What a group holds; none if there is no such group. O(pages of the group), in steps that hold
  /// its shard for a few pages each; what changes meanwhile may or may not be counted.
  [[nodiscard]] std::optional<GroupInfo> group_info(std::string_view group);

  // --- times to live -------------------------------------------------------------------------

  /// Gives an entry (a group) a time to live from now, or with none takes it away.
  /// Answers whether it exists. Error: ttl_out_of_range.
  Result<bool> expire(std::string_view group, std::string_view field, std::optional<Millis> ttl);
  Result<bool> expire_group(std::string_view group, std::optional<Millis> ttl);

  /// The time to live that is left; none if there is no such entry (group).
  [[nodiscard]] std::optional<Ttl> ttl(std::string_view group, std::string_view field);
  [[nodiscard]] std::optional<Ttl> group_ttl(std::string_view group);

  // --- loading -------------------------------------------------------------------------------

  /// The value, or what `loader` answers, stored. While one thread loads an entry the others that
  /// ask for it wait for that flight. None: the loader said there is none. A set() or erase()
  /// during the load wins over what was loaded. Errors: load_failed, busy, reentered, and those of
  /// set().
  Result<std::optional<Value>> get_or_load(std::string_view group, std::string_view field,
                                           const Loader& loader, const LoadOptions& options = {});

  /// Many fields of one group: what is missing is loaded by one call of the loader.
  Result<std::vector<std::optional<Value>>> get_or_load_many(
      std::string_view group, std::span<const std::string_view> fields, const BulkLoader& loader,
      const LoadOptions& options = {});

  /// A group that is loaded as a whole, by what also stores it: one `load` at a time. Who asks for
  /// the same group meanwhile waits, and has the same answer. `overtaken` tells whether another
  /// thread has written the group since the load began: what was found is then old and not to be
  /// stored (looked at within edit_group(), it is so at that moment). `load` answers whether there
  /// is something, whatever the value says, or std::nullopt: nothing had to be loaded. Of `options`
  /// the times of absence and failure count. Entries that get_or_load() stores are no such writes.
  /// Answers whether there is something. Errors: load_failed, busy, reentered, name_too_long,
  /// ttl_out_of_range.
  Result<bool> load_group(
      std::string_view group,
      FunctionRef<std::optional<Loaded>(const std::atomic<bool>& overtaken)> load,
      const LoadOptions& options = {});

  // --- limits, changeable at run time ----------------------------------------------------------

  /// Up to Options::max_memory_limit. Downwards it evicts in this call, and memory goes back to the
  /// system before it returns. Errors: limit_too_small, limit_too_large.
  Result<void> set_memory_limit(std::size_t bytes);
  /// 0 means none. Downwards it takes effect within the next calls and ticks.
  void set_max_entries(std::uint64_t entries) noexcept;
  /// The limits of groups that have none of their own.
  Result<void> set_default_group_limits(const GroupLimits& limits);
  /// Defines a class (classes.h), or gives one that is there other limits. Limits hold from when
  /// this returns; a max below what the class holds brings it down with the next ticks, and until
  /// then it does not grow. Groups that are there find their new class within the next ticks, a
  /// bucket at a time; until then they count for the one that they were in (ClassInfo::settled).
  /// New groups do at once. Cost: O(max_classes) and some steps of maintenance.
  /// Errors: invalid_argument (what does not go together, with the numbers), ttl_out_of_range.
  Result<void> define_class(std::string_view pattern, const ClassLimits& limits);
  /// Makes these the classes, all or none.
  Result<void> define_classes(std::span<const ClassDefinition> definitions);
  /// Answers whether there was one. Its groups go to its parent.
  Result<bool> remove_class(std::string_view pattern);
  /// The class of that pattern; none if there is no such. O(max_classes).
  [[nodiscard]] std::optional<ClassInfo> class_info(std::string_view pattern) const;
  /// All classes in the order of their patterns.
  [[nodiscard]] std::vector<ClassInfo> classes() const;
  /// The pattern of the class that a group of this name is in, or would be; empty: none.
  [[nodiscard]] std::string class_of(std::string_view group) const;

  /// Limits of one group, which must exist; they go with it. Answers whether it exists.
  Result<bool> set_group_limits(std::string_view group, const GroupLimits& limits);
  [[nodiscard]] std::optional<GroupLimits> group_limits(std::string_view group);

  /// What the removal listener hears of. What is new among them is heard of from when this returns:
  /// it waits for the writes that are under way (not from a callback of update()). Calls under way
  /// may still tell what is no longer wanted. What nobody wants to hear costs nothing.
  void set_removal_causes(RemovalCauses causes) noexcept;

  /// Tells `sink` what the cache does beside its callers' calls, until it is set to null: that
  /// waits until nobody is being told. What nobody wants to hear costs a load where it happens,
  /// and gets and sets of entries that are there nothing. Thread-safe; one sink at a time.
  void set_trace(TraceSink* sink) noexcept;

  /// Makes `bytes` of the limit resident now, so that later writes meet no page faults. They stay
  /// resident, whatever is erased, until memory_limit is lowered below them.
  /// Error: limit_too_large.
  Result<void> reserve(std::size_t bytes);

  // --- care ----------------------------------------------------------------------------------

  /// Does up to `budget` steps of maintenance: expiry, dropped groups, emptying slabs, removal
  /// events. Answers how many steps it did; fewer than `budget` means that nothing is left to do
  /// now. Each step is bounded.
  std::size_t tick(std::size_t budget = 1000);

  /// Cheap: reads counters.
  [[nodiscard]] Stats stats() const;

  /// Looks at the memory slab by slab and calls `visitor` for each, outside all locks: who owns
  /// which bytes. A slab is copied in one hold of the arena, which holds up whoever needs a page
  /// for the time of copying a slab; what its bytes are for is worked out afterwards. The holdings
  /// of a slab add up to the slab; the sum of all is what is charged, but for what changed between
  /// the first slab and the last. Thread-safe. Error: reentered, from a callback of update().
  Result<Inspection> inspect(const InspectOptions& options,
                             FunctionRef<void(const SlabSight&)> visitor);
  /// The same in steps of at most `slabs` slabs, for who must let others run in between; the last
  /// sets cursor.is_done. Error: reentered.
  Result<void> inspect_step(InspectCursor& cursor, std::uint64_t slabs,
                            FunctionRef<void(const SlabSight&)> visitor);

  /// Walks everything and proves that the books balance, whatever other threads do meanwhile:
  /// writers wait until it is done, readers do not. Cost: O(everything). Not from a callback of
  /// update().
  [[nodiscard]] Validation validate();

 private:
  explicit Cache(std::unique_ptr<engine::CacheCore> core) noexcept;
  std::unique_ptr<engine::CacheCore> core_;
};

}  // namespace ullage
