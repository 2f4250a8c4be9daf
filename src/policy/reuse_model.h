// Ranking of entries for reclaim: a 16-bit state per entry, a table of ghosts, and a model of reuse
// that turns a state and a size into "evict this one first".
//
// The rule. Evict the entry with the least expected hits per byte and unit of time. An entry's
// future is described by two things it can afford to remember: how often it was seen (0..3, its
// class) and how long ago it was last seen (its age). For each class and age the model keeps
//   hits      how many entries of that class were asked for again at that age, and
//   exposure  how long entries of that class stood at that age, asked for or not,
// so hits / exposure is the rate of reuse, as an actuary would estimate it. From the rates follows
// the Gittins index: the best ratio, over all moments to give up, of the chance of a hit before
// that moment to the space-time spent waiting for it. Nothing else is tuned to a workload: where
// the rates fall with age the rule acts like LRU, where an unproven class is rarely seen twice it
// acts like S3-FIFO's small queue, and where reuse comes at one age (a loop) it keeps the old
// entries and drops the new, like LIRS.
//
// Sources: hit density from Beckmann, Chen, Cidon, "LHD" (NSDI 2018); the optimal stopping index
// from Gittins, "Bandit Processes and Dynamic Allocation Indices" (1979); exposure as in the
// occurrence/exposure rate of survival analysis; ghosts from Megiddo, Modha, "ARC" (FAST 2003) and
// S3-FIFO (SOSP 2023); size in the denominator as in GDSF (Cherkasova 1998). Ours: exposure is
// counted from samples of residents and ghosts, so that nothing need be recorded when an entry
// leaves, and entries that are never asked for again are counted in time.
//
// Units. One turnover is as many insertions as the cache holds entries. The clock has
// k_ticks_per_turnover ticks a turnover, whatever the cache holds. Ages are in ticks, rates in hits
// per entry and turnover.
//
// Costs. A hit: no shared store but for one sampled key in sample_period(), and then at most once
// an entry and tick. A score: one table look-up and two multiplications. rebuild(): about 6,000
// steps, a constant. Memory: a fixed 3 KiB for the model and the caller's words for ghosts
// (recommended: 1 B a live entry, at least 4 KiB).
//
// Limitations. Reuse is taken to depend on class and age alone; entries that share a pattern only
// with their group are not recognised. Time stands still while nothing is inserted, so a cache that
// only hits never ages.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ullage::policy {

// ---- Limits, and how they relate ----------------------------------------------------------------

inline constexpr unsigned k_tick_bits = 12;
inline constexpr unsigned k_ticks_per_turnover = 64;
inline constexpr unsigned k_age_ticks_max = 1023;  // older ages are one: 16 turnovers
inline constexpr unsigned k_class_count = 4;       // seen once, twice, three times, more
inline constexpr unsigned k_bucket_count = 36;     // of age: four an octave
inline constexpr unsigned k_census_max = 8;        // residents looked at in one census

inline constexpr unsigned k_race_ticks =
    256;  // a stamp may be this far ahead of a slow thread's clock

// Saturated ages must be told from young ones that have wrapped: see EntryState::refreshed().
inline constexpr unsigned k_refresh_ticks = 2 * (k_age_ticks_max + 1);
static_assert(k_refresh_ticks <= (1U << k_tick_bits) / 2);

using Tick = std::uint16_t;  // k_tick_bits wide, wraps

// ---- The state of an entry ----------------------------------------------------------------------

// | seen 2 | spare 1 | read 1 | tick of last access 12 |
// "Read" is for who asks what was never read: the model does not look at it, and neither it nor the
// spare bit changes here.
class EntryState {
 public:
  constexpr EntryState() = default;
  constexpr explicit EntryState(std::uint16_t bits) : bits_(bits) {}
  constexpr EntryState(unsigned seen, Tick last)
      : bits_(static_cast<std::uint16_t>((seen & 3U) << k_seen_shift | (last & k_tick_mask))) {}

  [[nodiscard]] constexpr std::uint16_t bits() const { return bits_; }
  [[nodiscard]] constexpr unsigned seen() const { return unsigned{bits_} >> k_seen_shift; }
  [[nodiscard]] constexpr unsigned spare() const { return (unsigned{bits_} >> k_tick_bits) & 3U; }
  [[nodiscard]] constexpr Tick last() const { return static_cast<Tick>(bits_ & k_tick_mask); }

  // Age in ticks modulo the clock's range, not yet saturated. 0 for an entry stamped by another
  // thread after this one read its clock: without that, the newest entry would look the oldest.
  [[nodiscard]] constexpr unsigned raw_age(Tick now) const {
    const unsigned ticks = (unsigned{now} - bits_) & k_tick_mask;
    return ticks <= k_tick_mask - k_race_ticks ? ticks : 0;
  }
  [[nodiscard]] constexpr unsigned age(Tick now) const {
    const unsigned raw = raw_age(now);
    return raw < k_age_ticks_max ? raw : k_age_ticks_max;
  }

  [[nodiscard]] constexpr EntryState touched(Tick now) const {
    const unsigned more = seen() < k_class_count - 1 ? seen() + 1 : seen();
    return EntryState(static_cast<std::uint16_t>(more << k_seen_shift | (bits_ & k_spare_mask) |
                                                 (now & k_tick_mask)));
  }

  // Moves the stamp of a saturated entry up, so that it cannot wrap and look young. Call it for
  // every candidate seen by an eviction and store the result if it differs: a candidate must be
  // seen once in 28 turnovers after it is due, which eviction's own sampling does some thousand
  // times over.
  [[nodiscard]] constexpr EntryState refreshed(Tick now) const {
    if (raw_age(now) < k_refresh_ticks) return *this;
    const unsigned stamp = (unsigned{now} - (k_age_ticks_max + 1)) & k_tick_mask;
    return EntryState(static_cast<std::uint16_t>((bits_ & ~k_tick_mask) | stamp));
  }

  friend constexpr bool operator==(EntryState, EntryState) = default;

 private:
  static constexpr unsigned k_tick_mask = (1U << k_tick_bits) - 1;
  static constexpr unsigned k_spare_mask = 3U << k_tick_bits;
  static constexpr unsigned k_seen_shift = k_tick_bits + 2;
  std::uint16_t bits_ = 0;
};
static_assert(sizeof(EntryState) == 2, "two bytes an entry, as the page's layout counts on");

// ---- Ghosts -------------------------------------------------------------------------------------

// What a ghost still knows of its entry.
struct Ghost {
  unsigned seen;       // 0: was never hit; 1: was hit, or had been a ghost before
  unsigned age_ticks;  // since its last access, to within half a time quantum
};

// Fingerprints of evicted entries: one 64-bit word is a queue of four, the newest in the low bits.
//   slot: | fingerprint 10 | seen 1 | time 5 |, 0 = empty (a fingerprint is never 0)
// A word is found by the entry's hash. Remembering shifts the word, so that the oldest falls out;
// taking closes the gap. A stranger is taken for a ghost in 4 of 1023 look-ups of a full word; this
// costs rank, never a wrong answer.
//
// Thread safety: words are read and written relaxed, without read-modify-write. Two writers of one
// word may lose a ghost, which is allowed to happen ("may forget"); a torn word cannot be. fit()
// needs the caller to hold whatever guards rebuild().
class GhostTable {
 public:
  static constexpr unsigned k_slots = 4;
  static constexpr unsigned k_quantum_ticks = k_ticks_per_turnover / 4;
  static constexpr unsigned k_time_bits = 5;

  struct Word {
    std::array<Ghost, k_slots> ghost;
    unsigned count = 0;
  };

  // REQUIRES: words is not empty, is zeroed, and outlives the table.
  explicit GhostTable(std::span<std::atomic<std::uint64_t>> words) : words_(words) { fit(0); }

  // Uses no more words than give 2 to 6 turnovers of history: times wrap after 8, and older ghosts
  // would look young. A change forgets the ghosts, so it is made in doublings and only when that
  // range is left. O(1): what stays behind in the words is noise that soon falls out.
  void fit(std::uint64_t entries);

  // Called when an entry is evicted (not when it is erased or expires: its user has let it go).
  void remember(std::uint64_t hash, EntryState state, Tick now);

  // Finds and removes the ghost of `hash`, if there is one. Called when an entry is inserted.
  [[nodiscard]] std::optional<Ghost> take(std::uint64_t hash, Tick now);

  // Asks for the word of a hash that take() or look() will want.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&word_of(hash), 1); }

  // All ghosts in the word of `hash`; for the model's census.
  [[nodiscard]] Word look(std::uint64_t hash, Tick now) const;

  [[nodiscard]] std::size_t words_in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] std::atomic<std::uint64_t>& word_of(std::uint64_t hash) const;
  [[nodiscard]] static Ghost decode(std::uint64_t slot, Tick now);

  std::span<std::atomic<std::uint64_t>> words_;  // constant after construction
  std::atomic<std::size_t> in_use_{0};           // changed by fit(); orders nothing
};

// ---- The model of reuse -------------------------------------------------------------------------

// One for the whole cache. The order of calls at an insertion that may evict:
//   for each candidate: model.score(state, now, bytes); evict the highest; ghosts.remember(...)
//   model.census(...) if census_due();
//   state = model.on_insert(hash, ghosts.take(hash, now));
//   model.advance(entries);
//   if (model.rebuild_due()) under the caller's lock: model.rebuild(), ghosts.fit(entries);
//
// Thread safety: every method but rebuild() may be called from any thread under any lock or none;
// the counters and the index are relaxed atomics that order nothing, and a score read while
// rebuild() runs is of the old or the new index. rebuild() needs one lock of the caller's, the same
// each time. Deterministic: the same calls give the same scores. Randomness is the caller's, in the
// choice of candidates.
class ReuseModel {
 public:
  ReuseModel();

  [[nodiscard]] Tick now() const { return tick_.load(std::memory_order_relaxed); }

  // One insertion has happened in a cache of `entries` live entries. Advances the clock.
  void advance(std::uint64_t entries);

  // The state of an entry that is being inserted. Counts the reuse that a ghost proves.
  [[nodiscard]] EntryState on_insert(std::uint64_t hash, const std::optional<Ghost>& ghost);

  // The state after a hit; the same as before within one tick, and then nothing needs to be stored.
  [[nodiscard]] EntryState on_hit(std::uint64_t hash, EntryState state);

  // Higher is evicted first. `bytes` is all that the entry's eviction would give back (1 each under
  // a limit of entries).
  [[nodiscard]] float score(EntryState state, Tick now, std::uint32_t bytes) const {
    const unsigned age = state.age(now);
    const float wait = wait_[cell(state.seen(), k_buckets[age])].load(std::memory_order_relaxed);
    // Within a bucket the older goes first; too little to change the order of buckets that differ.
    return wait * static_cast<float>(bytes) * (1.0F + static_cast<float>(age) * 0x1p-18F);
  }

  // True for one insertion in sample_period(): the time for census().
  [[nodiscard]] bool census_due() const;

  // Counts who is standing where. `residents` are entries chosen without regard to their state:
  // those of a page that an eviction sampled, before it evicted, or while nothing is evicted those
  // of the page about to take the new entry. At most k_census_max are used. `ghosts` is the word of
  // the hash that is being inserted, before take(), and `ghost_words` how many such words there
  // are.
  void census(std::span<const EntryState> residents, std::uint64_t entries,
              const GhostTable::Word& ghosts, std::size_t ghost_words);

  [[nodiscard]] bool rebuild_due() const;

  // Computes the index from the counters and lets the counters fade.
  void rebuild();

  // Small caches learn from every event; large ones have events to spare and shared lines to
  // protect.
  [[nodiscard]] std::uint64_t sample_period() const {
    return entries() < k_sample_from ? 1 : k_sample_period;
  }

  [[nodiscard]] static constexpr unsigned bucket_of(unsigned age_ticks) {
    if (age_ticks < 4) return age_ticks;
    const auto octave = static_cast<unsigned>(std::bit_width(age_ticks)) - 1;
    return 4 * (octave - 1) + ((age_ticks >> (octave - 2)) & 3U);
  }

 private:
  static constexpr unsigned k_clock_shift = 32;  // fractions of a tick, for 2^32 entries and more
  static constexpr std::uint64_t k_sample_from = 16384;
  static constexpr std::uint64_t k_sample_period = 8;
  static constexpr double k_exposure_unit = 1024;  // counts in one entry-turnover
  static_assert(std::has_single_bit(k_sample_period), "a mask chooses the sampled keys");
  static constexpr std::size_t k_cells = std::size_t{k_class_count} * k_bucket_count;

  // bucket_of() of every age: a score is asked for more often than anything else.
  static constexpr std::array<std::uint8_t, k_age_ticks_max + 1> make_buckets() {
    std::array<std::uint8_t, k_age_ticks_max + 1> buckets{};
    for (unsigned age = 0; age <= k_age_ticks_max; ++age)
      buckets[age] = static_cast<std::uint8_t>(bucket_of(age));
    return buckets;
  }
  static const std::array<std::uint8_t, k_age_ticks_max + 1> k_buckets;

  [[nodiscard]] static constexpr std::size_t cell(unsigned seen, unsigned bucket) {
    return std::size_t{seen} * k_bucket_count + bucket;
  }
  [[nodiscard]] std::uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool sampled(std::uint64_t hash) const {
    return ((hash >> 32) & (sample_period() - 1)) == 0;
  }
  void count_hit(std::uint64_t hash, unsigned seen, unsigned age_ticks);
  void count_exposure(unsigned seen, unsigned age_ticks, double entry_turnovers);

  static constexpr std::size_t k_line = 64;  // bytes of a cache line

  // All are statistics and order nothing. First those that every insertion writes.
  alignas(k_line) std::atomic<std::uint64_t> clock_{0};  // ticks << k_clock_shift
  std::atomic<std::uint64_t> insertions_{0};             // all
  std::atomic<std::uint64_t> entries_{1};                // at the last insertion
  std::atomic<std::uint64_t> rebuilt_at_{0};             // insertions_ at the last rebuild()
  // Written once a tick and read by every hit.
  alignas(k_line) std::atomic<Tick> tick_{0};
  // Events, each counted sample_period() times, and entry-turnovers; both in 1/k_exposure_unit.
  alignas(k_line) std::array<std::atomic<std::uint64_t>, k_cells> hits_;
  std::array<std::atomic<std::uint64_t>, k_cells> exposure_;
  // 1 / index: turnovers of one entry's space paid for one expected hit.
  alignas(k_line) std::array<std::atomic<float>, k_cells> wait_;
};

inline constexpr std::array<std::uint8_t, k_age_ticks_max + 1> ReuseModel::k_buckets =
    ReuseModel::make_buckets();
static_assert(ReuseModel::bucket_of(k_age_ticks_max) + 1 == k_bucket_count);

}  // namespace ullage::policy
