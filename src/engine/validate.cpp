// The validator: walks every page from the shards down and proves that the books balance.
#include "base/check.h"
#include "base/words.h"
#include "engine/core.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ullage::engine {

namespace {
constexpr std::size_t k_findings_max = 16;

class Walker {
 public:
  Walker(State& state, const Directory& directory, Validation& out)
      : state_(state), directory_(directory), out_(out), classes_(state.classes.max() + 1) {}

  void fail(std::string what) {
    out_.ok = false;
    if (out_.findings.size() < k_findings_max) out_.findings.push_back(std::move(what));
  }

  /// Every page is met once; its bytes are divided among the roles.
  bool page(Ref ref, std::uint64_t index_bytes, std::uint64_t header_bytes,
            std::uint64_t field_bytes, std::uint64_t value_bytes) {
    if (!seen_.emplace(ref, true).second) {
      fail("page " + std::to_string(ref) + " is referred to twice");
      return false;
    }
    const std::uint64_t bytes = state_.arena->page_bytes(ref);
    const std::uint64_t used = index_bytes + header_bytes + field_bytes + value_bytes;
    if (used > bytes) fail("page " + std::to_string(ref) + " holds more than its size");
    out_.roles.index += index_bytes;
    out_.roles.header += header_bytes;
    out_.roles.field += field_bytes;
    out_.roles.value += value_bytes;
    out_.roles.slack += bytes - used;
    ++out_.pages;
    return true;
  }
  [[nodiscard]] bool met(Ref ref) const { return seen_.contains(ref); }

  /// The shard's lock is held.
  void shard(std::size_t index, bool half_swept) {
    Shard& shard = state_.shards[index];
    shard_ = &shard;
    shard_index_ = index;
    const std::int64_t due = load_due(shard);
    due_ = half_swept ? k_any_time_ms : due == 0 ? k_never_ms : due;
    level(directory_.shard_level(shard),
          [&](Ref ref, const PageHeader& header, std::uint64_t at) { bucket(ref, header, at); });
  }

 private:
  /// Walks the nodes of a level, then its pages in the order of their hashes.
  template <class OnPage>
  void level(const Level& top, OnPage on_page) {
    nodes(top, top.refs, top.bits);
    std::uint64_t at = 0;
    do {
      const Found found = directory_.find(top, at);
      if (found.broken) {
        fail("a directory of shard " + std::to_string(shard_index_) + " leads nowhere");
        return;
      }
      if (found.page != k_no_ref) {
        if (found.header.depth < found.slot.base ||
            found.header.depth > found.slot.base + found.slot.bits) {
          fail("page " + std::to_string(found.page) + " has a depth outside its node");
          return;
        }
        on_page(found.page, found.header, at);
      }
      at = after_range(at, found.depth());
    } while (at != 0);
  }
  void nodes(const Level& top, const std::byte* refs, unsigned bits) {
    Ref last = k_no_ref;
    for (std::uint32_t i = 0; i < (1U << bits); ++i) {
      const Ref ref = base::load_u32(refs + 4 * std::size_t{i});
      if (ref == k_no_ref || ref == last) continue;
      last = ref;
      const PageHeader header = load_header(state_.page(ref));
      if (header.page_kind() != top.node_kind) continue;
      if (page(ref, header.used, 0, 0, 0))
        nodes(top, state_.page(ref) + k_header_bytes, header.count);
    }
  }

  struct EntryBytes {
    std::uint64_t field = 0;
    std::uint64_t inline_value = 0;
  };
  EntryBytes entry(const std::byte* at, std::uint32_t bytes, std::int64_t base_ms,
                   std::int64_t page_due, Ref anchor, std::uint64_t field_hash_prefix,
                   unsigned depth) {
    const EntryHead e = decode_entry<PlainBytes>(at, bytes, base_ms);
    if (e.broken) {
      fail("an entry of shard " + std::to_string(shard_index_) + " cannot be read");
      return {};
    }
    const std::uint64_t hash = state_.hash_field(chars(at + e.field_at, e.field_bytes));
    if (depth != 0 && leading_bits(hash, 0, depth) != leading_bits(field_hash_prefix, 0, depth))
      fail("an entry lies in a leaf of other hashes");
    if (e.deadline_ms < page_due) fail("an entry ends before its page is due");
    if (e.deadline_ms < due_) fail("an entry ends before its shard is due");
    ++out_.entries;
    payload_ += e.field_bytes;
    if (!e.pieces) {
      payload_ += e.inline_bytes;
      return {e.field_bytes, e.inline_bytes};
    }
    const PieceLink link = decode_link<PlainBytes>(at + e.value_at);
    payload_ += link.bytes;
    std::uint64_t held = 0;
    Ref before = k_no_ref;
    for (Ref ref = link.first; ref != k_no_ref;) {
      const PageHeader header = load_header(state_.page(ref));
      if (header.page_kind() != PageKind::piece || owner_anchor(header.owner) != anchor ||
          header.used <= k_piece_data_at) {
        fail("a piece does not belong to its entry");
        break;
      }
      if (before != k_no_ref && base::load_u32(state_.page(ref) + k_piece_back_at) != before)
        fail("a piece does not know the one before");
      if (!page(ref, 0, k_piece_data_at, 0, header.used - k_piece_data_at)) break;
      held += header.used - k_piece_data_at;
      before = ref;
      ref = base::load_u32(state_.page(ref) + k_piece_next_at);
    }
    if (held != link.bytes) fail("the pieces of a value do not add up to its length");
    return {e.field_bytes, 0};
  }

  void bucket(Ref ref, const PageHeader& header, std::uint64_t at) {
    PageImage image;
    image.load(state_.page(ref));
    std::uint64_t fields = 0;
    std::uint64_t values = 0;
    if (leading_bits(state_.in_shard(header.owner), 0, header.depth) !=
        leading_bits(at, 0, header.depth))
      fail("a bucket's owner hash leads elsewhere");
    for (std::uint32_t i = 0; i < image.count(); ++i) {
      const std::byte* record = image.slots().at(i);
      const RecordHead head = decode_record<PlainBytes>(record, image.slots().size(i));
      if (head.broken) {
        fail("a group's record cannot be read");
        return;
      }
      ++out_.groups;
      const std::uint64_t hash = state_.hash_group(chars(record + head.name_at, head.name_bytes));
      if (state_.shard_index(hash) != shard_index_ ||
          leading_bits(state_.in_shard(hash), 0, header.depth) !=
              leading_bits(at, 0, header.depth)) {
        fail("a group lies in a bucket of other hashes");
      }
      if (group_end_ms(state_, record, head) < due_) fail("a group ends before its shard is due");
      const Ref anchor = head.anchor_at != 0 ? PlainBytes::u32(record + head.anchor_at) : k_no_ref;
      if (anchor != k_no_ref) {
        const PageHeader anchor_header = load_header(state_.page(anchor));
        if (anchor_header.page_kind() != PageKind::anchor || anchor_header.owner != hash)
          fail("an anchor does not name its group");
        page(anchor, 0, k_anchor_bytes, 0, 0);
      }
      if (head.class_id != k_no_class) {
        const GroupCharge charge = charge_of(record, head);
        state_.classes.add_group(classes_, head.class_id, hash, charge.bytes, charge.entries);
      }
      const ClassId named = state_.classes.match(chars(record + head.name_at, head.name_bytes));
      if (named != head.class_id && hash < state_.classes.position())
        fail("a group is in another class than its name says");
      if (head.is_stub()) {
        large_group(ref, record, head, anchor, image);
        continue;
      }
      const RecordFields<PlainBytes> all(record, head);
      for (std::uint32_t f = 0; f < all.count(); ++f) {
        const auto item = all.item(f);
        const EntryBytes bytes =
            entry(item.at, item.bytes, image.base_ms(), image.due_ms(), anchor, 0, 0);
        fields += bytes.field;
        values += bytes.inline_value;
      }
    }
    page(ref, 0, image.used() - fields - values, fields, values);
  }

  void large_group(Ref bucket_ref, const std::byte* record, const RecordHead& head, Ref anchor,
                   const PageImage& image) {
    static_cast<void>(image);
    const Stub stub = decode_stub<PlainBytes>(record + head.body_at);
    if (stub.due_ms < due_) fail("a large group ends before its shard is due");
    // The level's top is in the shared page, not in the image.
    std::byte* shared = nullptr;
    const PageSlots page_slots =
        open_slots(state_.page(bucket_ref), load_header(state_.page(bucket_ref)));
    for (std::uint32_t i = 0; i < page_slots.slots.count(); ++i) {
      const auto item = page_slots.slots.item(i);
      const RecordHead other = decode_record<SharedBytes>(item.at, item.bytes);
      if (other.is_stub() && base::load_u32(item.at + other.anchor_at) == anchor)
        shared = const_cast<std::byte*>(item.at) + other.body_at;
    }
    if (shared == nullptr) {
      fail("a large group's record is not in its page");
      return;
    }
    // A sweep that is under way has taken the due time off.
    const bool half_swept = anchor_sweeping(anchor);
    const std::int64_t due = half_swept ? k_any_time_ms : stub.due_ms;
    const std::int64_t due_of_shard = due_;
    if (half_swept) due_ = k_any_time_ms;
    const std::uint64_t entries_before = out_.entries;
    const std::uint64_t payload_before = payload_;
    level(directory_.group_level(*shard_, shared, anchor),
          [&](Ref ref, const PageHeader& leaf_header, std::uint64_t at) {
            PageImage leaf;
            leaf.load(state_.page(ref));
            std::uint64_t fields = 0;
            std::uint64_t values = 0;
            if (owner_anchor(leaf_header.owner) != anchor)
              fail("a leaf names another group's anchor");
            if (leading_bits(owner_path(leaf_header.owner), 0, leaf_header.depth) !=
                leading_bits(at, 0, leaf_header.depth))
              fail("a leaf's path leads elsewhere");
            for (std::uint32_t i = 0; i < leaf.count(); ++i) {
              const EntryBytes bytes =
                  entry(leaf.slots().at(i), leaf.slots().size(i), leaf.base_ms(),
                        std::max(leaf.due_ms(), std::int64_t{0}), anchor, at, leaf_header.depth);
              fields += bytes.field;
              values += bytes.inline_value;
              const EntryHead e = decode_entry<PlainBytes>(leaf.slots().at(i), leaf.slots().size(i),
                                                           leaf.base_ms());
              if (e.deadline_ms < due) fail("a field ends before its group is due");
            }
            page(ref, 0, leaf.used() - fields - values, fields, values);
          });
    due_ = due_of_shard;
    if (out_.entries - entries_before != stub.fields)
      fail("a large group counts " + std::to_string(stub.fields) + " fields but has " +
           std::to_string(out_.entries - entries_before));
    if (payload_ - payload_before != stub.bytes)
      fail("a large group counts " + std::to_string(stub.bytes) + " bytes but has " +
           std::to_string(payload_ - payload_before));
  }

  [[nodiscard]] bool anchor_sweeping(Ref anchor) const {
    return (load_header(state_.page(anchor)).flags & k_anchor_sweeping) != 0;
  }

  static constexpr std::int64_t k_any_time_ms = std::numeric_limits<std::int64_t>::min();

  State& state_;
  const Directory& directory_;
  Validation& out_;
  std::unordered_map<Ref, bool> seen_;
  Shard* shard_ = nullptr;
  std::size_t shard_index_ = 0;
  std::int64_t due_ = k_never_ms;

 public:
  std::uint64_t payload_ = 0;
  std::vector<ClassBooks> classes_;
};

/// All shards at once: writers wait, readers go on.
class AllShards {
 public:
  explicit AllShards(State& state) noexcept : state_(state) {
    for (std::size_t i = 0; i < state_.shard_count(); ++i)  // LOCK ORDER: by index
      state_.shards[i].lock.lock();
  }
  ~AllShards() {
    for (std::size_t i = 0; i < state_.shard_count(); ++i)
      state_.shards[i].lock.unlock();
  }
  AllShards(const AllShards&) = delete;
  AllShards& operator=(const AllShards&) = delete;

 private:
  State& state_;
};

/// Looks at the arena until it is at rest: so many pages are looked at in all, since writers wait.
constexpr std::uint64_t k_pages_looked_at_max = 20'000'000;
constexpr std::uint64_t k_looks_max = 10'000;
constexpr int k_waits_max = 10'000;
constexpr std::chrono::microseconds k_wait{200};  // half of them: a second in all

struct ArenaLook {
  arena::ArenaBytes bytes;
  std::uint64_t strays = 0;  ///< pages that nothing refers to
  /// Pages that a call has taken before it came to its shard: for a large value.
  std::vector<Ref> in_hand;
  std::uint64_t in_hand_bytes = 0;
  bool consistent = false;

  /// Who takes a page writes its kind a moment later: until then it looks free, and is counted. No
  /// call gets further than that while all shards are held, so a few looks find them at rest.
  static ArenaLook when_at_rest(const State& state, const Walker& walker) {
    std::uint64_t pages = 0;
    for (std::uint64_t n = 0;; ++n) {
      ArenaLook look;
      std::uint64_t seen_bytes = 0;
      look.bytes = state.arena->for_each_page([&](Ref ref, std::size_t bytes) {
        seen_bytes += bytes;
        ++pages;
        if (walker.met(ref)) return;
        if (load_header(state.page(ref)).page_kind() != PageKind::pending) {
          ++look.strays;
          return;
        }
        look.in_hand.push_back(ref);
        look.in_hand_bytes += bytes;
      });
      look.consistent = state.arena->slabs_consistent();
      if ((look.consistent && seen_bytes == look.bytes.pages) || n == k_looks_max ||
          pages > k_pages_looked_at_max)
        return look;
      std::this_thread::yield();
    }
  }
};

/// Leaves those that nobody has linked or freed while the calls under way went on. Who waits for a
/// processor is given some time.
void wait_for_owners(const State& state, Debt& debt, std::vector<Ref>& in_hand) {
  for (int n = 0; n < k_waits_max && !in_hand.empty(); ++n) {
    debt.pay(1024);  // what a call gives up it leaves to whoever pays next
    std::erase_if(in_hand, [&](Ref ref) {
      return load_header(state.page(ref)).page_kind() != PageKind::pending;
    });
    if (in_hand.empty()) return;
    if (n < k_waits_max / 2)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(k_wait);
  }
}
}  // namespace

/// All stand still. Answers the pages that calls under way have in their hands.
std::vector<Ref> CacheCore::balance(Validation& v, std::optional<std::size_t> half_swept) {
  Walker walker(state, directory, v);
  for (std::size_t i = 0; i < state.shard_count(); ++i)
    walker.shard(i, i == half_swept);
  ArenaLook look = ArenaLook::when_at_rest(state, walker);
  const arena::ArenaBytes& bytes = look.bytes;
  if (look.strays != 0)
    walker.fail(std::to_string(look.strays) + " pages are in use but belong to nothing");
  if (!look.consistent) walker.fail("the slabs' counts do not agree with their pages");
  if (v.entries != state.entries.load(std::memory_order_relaxed)) {
    walker.fail("the cache counts " +
                std::to_string(state.entries.load(std::memory_order_relaxed)) +
                " entries but has " + std::to_string(v.entries));
  }
  if (v.groups != state.counted(Counter::groups)) {
    walker.fail("the cache counts " + std::to_string(state.counted(Counter::groups)) +
                " groups but has " + std::to_string(v.groups));
  }
  if (walker.payload_ != state.counted(Counter::payload_bytes)) {
    walker.fail("the cache counts " + std::to_string(state.counted(Counter::payload_bytes)) +
                " payload bytes but has " + std::to_string(walker.payload_));
  }
  for (std::size_t id = 1; id < walker.classes_.size(); ++id) {
    const ClassBooks& found = walker.classes_[id];
    const ClassBooks kept = state.classes.books(static_cast<ClassId>(id));
    if (kept == found) continue;
    const auto say = [](const ClassBooks& books) {
      return std::to_string(books.used) + " bytes, " + std::to_string(books.own) + " of its own, " +
             std::to_string(books.entries) + " entries, " + std::to_string(books.groups) +
             " groups";
    };
    walker.fail("class " + std::string(state.classes.pattern(static_cast<ClassId>(id))) +
                " counts " + say(kept) + " but has " + say(found));
  }
  const Stats s = stats();
  std::uint64_t removed = 0;
  for (std::size_t i = 0; i < k_removal_causes; ++i) {
    if (static_cast<RemovalCause>(i) != RemovalCause::replaced) removed += s.removals[i];
  }
  if (s.inserts - removed != v.entries)
    walker.fail("inserts minus removals are not the entries that are there");

  const std::uint64_t index_fixed = sizeof(Shard) << state.shard_bits;
  v.roles.index += index_fixed;
  v.roles.header += bytes.fixed - index_fixed;
  v.roles.slack += bytes.slabs_in_use + bytes.slabs_empty - bytes.pages + look.in_hand_bytes;
  v.charged_bytes = bytes.charged();
  if (v.roles.sum() != v.charged_bytes) {
    walker.fail("the roles add up to " + std::to_string(v.roles.sum()) + " bytes but " +
                std::to_string(v.charged_bytes) + " are charged");
  }
  if (v.charged_bytes > s.memory_limit) walker.fail("more is charged than the limit allows");
  return std::move(look.in_hand);
}

Validation CacheCore::validate() {
  Validation v;
  // What is due and what is owed goes first, so that little is left to do while all stand still.
  // While others write and time goes on there may always be more: bounded. A leaf is a step, and
  // where hashes collide so are the empty references on its way, dozens at a time.
  CallWork work;
  std::uint64_t steps_left =
      16 * state.shard_count() + 4 * state.entries.load(std::memory_order_relaxed) + 64;
  while (steps_left != 0 && expiry.step(work))
    --steps_left;
  while (steps_left != 0 && debt.pay(1024) != 0)
    --steps_left;

  std::vector<Ref> in_hand;
  {
    const std::scoped_lock limits_stand_still(limit_mutex_, classes_mutex_);
    const Expiry::Pause sweep = expiry.pause();
    const AllShards shards(state);
    const auto nothing_owed = debt.settle();  // it belongs to no group
    in_hand = balance(v, sweep.shard_half_swept);
  }
  wait_for_owners(state, debt, in_hand);
  if (!in_hand.empty()) {
    v.ok = false;
    v.findings.push_back(std::to_string(in_hand.size()) +
                         " pages are in use but belong to nothing: whoever took them is gone");
  }
  return v;
}

}  // namespace ullage::engine
