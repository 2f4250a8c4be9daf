// Everything that changes entries and groups.
//
// An operation takes its shard's lock, looks, edits a private image, commits it as one change, and
// unlocks. What it needs besides (a split, a promotion to pages of its own) it does first as a
// change that alters no content, and then looks again. When the arena has no page it unlocks, lets
// Reclaim make room, and starts over: nobody reclaims while holding a shard.
#pragma once

#include <ullage/cache.h>
#include <ullage/result.h>

#include "engine/debt.h"
#include "engine/directory.h"
#include "engine/evictor.h"
#include "engine/lookup.h"
#include "engine/pages.h"
#include "engine/piece.h"
#include "engine/removal_events.h"
#include "engine/state.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::engine {

class GroupEditor;
class Reclaim;

/// The entry as a decision finds it.
struct Present {
  bool exists = false;
  std::optional<std::string_view> value;  ///< if the decision asked for it
  std::int64_t deadline_ms = k_never_ms;
};
/// What is to become of it.
struct Decision {
  enum class Kind : std::uint8_t { keep, put, redate, erase };
  Kind kind = Kind::keep;
  std::string_view value;                 ///< put: valid until the next decision or the end
  std::int64_t deadline_ms = k_never_ms;  ///< put, redate
  std::uint32_t answer = 0;               ///< put: another number whenever the value is another
};
using Decide = FunctionRef<Decision(const Present&)>;

enum class WriteOutcome : std::uint8_t { unchanged, inserted, replaced, erased };

class Writer {
  friend class GroupEditor;  // writes as this does, and has a file of its own

 public:
  Writer(State& state, const Directory& directory, RemovalRing& ring, Debt& debt, Evictor& evictor,
         Reclaim& reclaim) noexcept;

  /// Reads one entry, decides, writes. `decide` runs under the shard's lock, more than once if room
  /// must be made.
  [[nodiscard]] Result<WriteOutcome> write(const Names& names, bool wants_value, Decide decide);

  bool erase_group(std::string_view name, RemovalCause cause);
  Result<void> rename_group(std::string_view from, std::string_view to, bool replace);
  void clear();

  /// Changes a group's own extensions; false if there is no such group.
  Result<bool> edit_head(std::string_view name, FunctionRef<void(RecordDraft&)> edit);

  /// Takes the groups of the next bucket at the walk's position to their classes, and the position
  /// behind it. Under the core's lock of classes.
  enum class Relabelled : std::uint8_t { nothing_there, done, need_room };
  [[nodiscard]] Relabelled relabel_next(CallWork& work);

  /// Notes a use of a group whose idle time counts. Takes the lock: the reader's last resort.
  void note_use(std::string_view name);

  // --- for Reclaim and Expiry, with the shard's lock held ---

  /// Removes the group's record; what it owned goes to the debt.
  void drop_group(Shard& shard, const GroupPlace& place, RemovalCause cause, CallWork& work);
  /// Commits a leaf's image from which entries were removed, with the stub's books.
  void commit_shrunk_leaf(Shard& shard, const GroupPlace& group, const Found& leaf,
                          std::uint64_t hash, PageImage& image, std::uint32_t removed,
                          std::uint64_t removed_payload, RemovalLog& log, CallWork& work);
  void commit_shrunk_bucket(Shard& shard, const Found& bucket, std::uint64_t hash, PageImage& image,
                            RemovalLog& log, CallWork& work);
  /// Evicts the coldest fields of a large group until it is within its limits, a bounded number.
  /// Answers how many steps changed something: afterwards nothing found before is where it was.
  std::size_t enforce_group_limits(Shard& shard, std::string_view name, std::uint64_t hash,
                                   const Names* keep, CallWork& work);
  /// Whether a group has more than its limits allow: after they were lowered.
  [[nodiscard]] bool over_limits(const GroupPlace& place) const noexcept;
  [[nodiscard]] GroupLimits limits_of(const GroupPlace& place, ClassId class_id) const noexcept;

  [[nodiscard]] const Lookup& lookup() const noexcept { return lookup_; }
  [[nodiscard]] Pages& pages() noexcept { return pages_; }
  [[nodiscard]] const Directory& directory() const noexcept { return directory_; }

 private:
  /// The pieces of a large value, written before the lock is taken.
  struct Prepared {
    std::uint32_t answer = 0;  ///< Decision::answer of the value they hold
    Ref first = k_no_ref;
  };
  enum class Step : std::uint8_t {
    done,
    restart,
    need_room,
    need_pieces,
    too_large_for_group,
    class_is_full,
    too_large_for_class,
  };
  struct Attempt {
    Step step = Step::done;
    WriteOutcome outcome = WriteOutcome::unchanged;
    std::string_view value{};       ///< need_pieces: of the last decision
    std::uint32_t answer = 0;       ///< need_pieces
    ClassId full = k_no_class;      ///< class_is_full
    std::uint64_t bytes = 0;        ///< class_is_full, too_large_for_class: what the write adds
    bool use_has_no_place = false;  ///< done: an idle limit holds, and the group keeps no last use
  };
  Attempt attempt(const Names& asked, bool wants_value, Decide decide, Prepared& prepared,
                  CallWork& work);
  Step put(Shard& shard, const Names& names, const GroupPlace& group, const EntryPos& pos,
           const EntryDraft& draft, bool expired, bool redate, std::int64_t now_ms, CallWork& work);
  bool put_in_place(Shard& shard, const Names& names, const GroupPlace& group, const EntryPos& pos,
                    const EntryDraft& draft, bool redate);
  Step put_in_bucket(Shard& shard, const Names& names, const GroupPlace& group, const EntryPos& pos,
                     const EntryDraft& draft, bool expired, bool redate, std::int64_t now_ms,
                     CallWork& work);
  Step put_in_leaf(Shard& shard, const Names& names, const GroupPlace& group, const EntryPos& pos,
                   const EntryDraft& draft, bool expired, bool redate, std::int64_t now_ms,
                   CallWork& work);
  /// A large group that has lost its record.
  struct Dropped {
    Ref anchor = k_no_ref;  ///< none: the group was inline and is gone
    Stub stub;
    std::string name;
    ClassId class_id = k_no_class;
    RemovalCause cause = RemovalCause::erased;
    std::int64_t now_ms = 0;
  };
  /// Takes a group's record out of the image of its bucket; its inline fields go into the log.
  Dropped take_out(PageImage& image, const GroupPlace& place, RemovalCause cause, RemovalLog& log);
  /// Once the image is committed: counts a large group's fields and leaves its pages to the debt.
  void owe(const Dropped& dropped);
  Step promote(Shard& shard, const GroupPlace& group, CallWork& work);
  /// Makes the image fit somewhere. On `done` a commit may be tried.
  Step fit(const Level& level, const Found& found, std::uint64_t hash, PageImage& image,
           const Names& keep, RemovalLog& log, std::uint64_t& leaf_payload,
           std::uint32_t& leaf_removed, CallWork& work);
  /// The same without evicting: for an image with a copy of what may lie in the very page.
  Step fit_whole(const Level& level, const Found& found, std::uint64_t hash, const PageImage& image,
                 CallWork& work);
  [[nodiscard]] bool is_being_swept(Ref anchor) const noexcept;
  void end_sweep_of_renamed(Ref anchor) noexcept;
  bool evict_to_fit(const Found& found, PageImage& image, const Names& keep, bool only_cold,
                    RemovalLog& log, std::uint64_t& leaf_payload, std::uint32_t& leaf_removed,
                    CallWork& work);
  /// Takes the expired fields out of one leaf of a large group, the first that has any from a
  /// random place on; false if a bounded number of leaves has none.
  bool remove_some_expired(Shard& shard, const GroupPlace& group, std::string_view name,
                           std::uint64_t from, std::int64_t now_ms, CallWork& work);
  Step erase_entry(Shard& shard, const Names& names, const GroupPlace& group, const EntryPos& pos,
                   RemovalCause cause, CallWork& work);
  [[nodiscard]] std::size_t slabs_to_keep(int round) const noexcept;
  policy::Rank rank_of_new(const Names& names, const PageImage& image);
  policy::Rank rank_after(const Names& names, const PageImage& image, bool redate, bool expired,
                          policy::Rank rank);
  void log_old(RemovalLog& log, const Names& names, const EntryPos& pos, RemovalCause cause) const;
  [[nodiscard]] Result<void> prepare_pieces(std::string_view value, std::uint32_t answer,
                                            Prepared& prepared, CallWork& work);
  void discard(Prepared& prepared);
  void store_stub(std::byte* body, const Stub& stub) const noexcept;
  /// Notes in the record of a large group that an entry was lost. Inside a Change.
  static void note_loss(const GroupPlace& group) noexcept;

  State& state_;
  const Directory& directory_;
  RemovalRing& ring_;
  Debt& debt_;
  Evictor& evictor_;
  Reclaim& reclaim_;
  Lookup lookup_;
  Pages pages_;
  Pieces pieces_;
};

}  // namespace ullage::engine
