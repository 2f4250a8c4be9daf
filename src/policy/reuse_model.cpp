#include "policy/reuse_model.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ullage::policy {
namespace {

constexpr unsigned k_time_mask = (1U << GhostTable::k_time_bits) - 1;
constexpr unsigned k_slot_bits = 16;
constexpr std::uint64_t k_slot_mask = 0xFFFF;
constexpr std::uint64_t k_words_min = 16;
static_assert(GhostTable::k_slots * k_slot_bits == 64, "four slots fill a word");
static_assert((1U << k_tick_bits) % (GhostTable::k_quantum_ticks << GhostTable::k_time_bits) == 0,
              "the ghosts' time wraps in step with the clock");

// 1..1023: an empty slot is 0, so no fingerprint is. The low bits of the hash choose it, the high
// ones the word.
std::uint64_t fingerprint(std::uint64_t hash) {
  return 1 + (hash & 0xFFFFFFFF) % 1023;
}

// Evidence needed before a rate departs from what is assumed of it, in entry-turnovers or events.
// Chosen on the traces web07 and multi3; doubling or halving any of them moves the mean miss ratio
// there by less than 0.5 %.
constexpr double k_prior_all = 1;    // for the rate of an age over all classes
constexpr double k_prior_class = 4;  // for the factor between a class and all
constexpr double k_prior_cell = 30;  // for the rate of a class at an age
constexpr double k_first_rate =
    0.3;  // assumed at age 0 turnovers is k_first_rate / k_first_age; LRU until more is known
constexpr double k_first_age = 0.3;
constexpr double k_half_life = 4;  // turnovers after which evidence counts half
constexpr double k_half_life_insertions_min = 1000;
constexpr std::uint64_t k_rebuild_insertions_min = 32;
constexpr std::uint64_t k_rebuilds_per_turnover = 20;

struct Bounds {
  std::array<double, k_bucket_count + 1> first{};  // turnovers
};

// The ages at which buckets begin, and the end of the last one.
Bounds bucket_bounds() {
  Bounds bounds;
  for (unsigned age = k_age_ticks_max + 1; age-- > 0;) {
    bounds.first[ReuseModel::bucket_of(age)] = double{1} * age / k_ticks_per_turnover;
  }
  bounds.first[k_bucket_count] = (double{1} + k_age_ticks_max) / k_ticks_per_turnover;
  return bounds;
}

}  // namespace

// ---- GhostTable ---------------------------------------------------------------------------------

void GhostTable::fit(std::uint64_t entries) {
  const std::uint64_t least =
      std::max<std::uint64_t>(k_words_min, entries / 2);  // two turnovers: four slots a word
  const std::uint64_t now_in_use = words_in_use();
  const bool too_few = now_in_use < std::min<std::uint64_t>(least, words_.size());
  if (!too_few && now_in_use <= 3 * least) return;
  const auto in_use =
      static_cast<std::size_t>(std::min<std::uint64_t>(words_.size(), std::bit_ceil(least)));
  in_use_.store(in_use, std::memory_order_relaxed);
}

std::atomic<std::uint64_t>& GhostTable::word_of(std::uint64_t hash) const {
  // The high half of the hash scaled to the words in use: no division, any number of words.
  return words_[static_cast<std::size_t>(((hash >> 32) * words_in_use()) >> 32)];
}

Ghost GhostTable::decode(std::uint64_t slot, Tick now) {
  const auto time = static_cast<unsigned>(slot) & k_time_mask;
  const unsigned quanta = (now / k_quantum_ticks - time) & k_time_mask;
  // The last access was somewhere in its quantum: take the middle, but not the future.
  const unsigned since = quanta * k_quantum_ticks + now % k_quantum_ticks;
  const unsigned half = k_quantum_ticks / 2;
  return {.seen = static_cast<unsigned>(slot >> k_time_bits) & 1U,
          .age_ticks = since > half ? since - half : 0};
}

void GhostTable::remember(std::uint64_t hash, EntryState state, Tick now) {
  // Beyond the range of a ghost's time an age is cut to the oldest it can tell.
  constexpr unsigned k_oldest = k_time_mask * k_quantum_ticks;
  const Tick last = state.age(now) < k_oldest ? state.last() : static_cast<Tick>(now - k_oldest);
  const std::uint64_t time = (last / k_quantum_ticks) & k_time_mask;
  const std::uint64_t seen = state.seen() > 0 ? 1 : 0;
  const std::uint64_t slot = fingerprint(hash) << (k_time_bits + 1) | seen << k_time_bits | time;
  auto& word = word_of(hash);
  word.store(word.load(std::memory_order_relaxed) << k_slot_bits | slot, std::memory_order_relaxed);
}

std::optional<Ghost> GhostTable::take(std::uint64_t hash, Tick now) {
  auto& word = word_of(hash);
  const std::uint64_t bits = word.load(std::memory_order_relaxed);
  for (unsigned shift = 0; shift < 64; shift += k_slot_bits) {
    const std::uint64_t slot = (bits >> shift) & k_slot_mask;
    if (slot >> (k_time_bits + 1) != fingerprint(hash)) continue;
    const std::uint64_t newer = bits & ((std::uint64_t{1} << shift) - 1);
    const std::uint64_t older =
        shift + k_slot_bits < 64 ? bits >> (shift + k_slot_bits) << shift : 0;
    word.store(newer | older, std::memory_order_relaxed);
    return decode(slot, now);
  }
  return std::nullopt;
}

GhostTable::Word GhostTable::look(std::uint64_t hash, Tick now) const {
  Word found{};
  for (std::uint64_t bits = word_of(hash).load(std::memory_order_relaxed); bits != 0;
       bits >>= k_slot_bits) {
    if ((bits & k_slot_mask) != 0) found.ghost[found.count++] = decode(bits & k_slot_mask, now);
  }
  return found;
}

// ---- ReuseModel ---------------------------------------------------------------------------------

ReuseModel::ReuseModel() {
  for (auto& counter : hits_)
    counter.store(0, std::memory_order_relaxed);
  for (auto& counter : exposure_)
    counter.store(0, std::memory_order_relaxed);
  rebuild();
}

void ReuseModel::advance(std::uint64_t entries) {
  const std::uint64_t live =
      std::max<std::uint64_t>(entries, k_ticks_per_turnover);  // at most one tick an insertion
  entries_.store(live, std::memory_order_relaxed);
  insertions_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t step = (std::uint64_t{k_ticks_per_turnover} << k_clock_shift) / live;
  const std::uint64_t before = clock_.fetch_add(step, std::memory_order_relaxed);
  const std::uint64_t tick = (before + step) >> k_clock_shift;
  if (tick == before >> k_clock_shift) return;
  // Two threads may publish in the wrong order; the clock is then a tick behind until the next one.
  tick_.store(static_cast<Tick>(tick & ((1U << k_tick_bits) - 1)), std::memory_order_relaxed);
}

EntryState ReuseModel::on_insert(std::uint64_t hash, const std::optional<Ghost>& ghost) {
  if (!ghost) return {0, now()};
  count_hit(hash, ghost->seen, ghost->age_ticks);
  return {ghost->seen + 1, now()};
}

EntryState ReuseModel::on_hit(std::uint64_t hash, EntryState state) {
  const Tick tick = now();
  if (state.last() == tick) return state;  // a burst counts once
  count_hit(hash, state.seen(), state.age(tick));
  return state.touched(tick);
}

void ReuseModel::count_hit(std::uint64_t hash, unsigned seen, unsigned age_ticks) {
  if (!sampled(hash)) return;
  const auto units = sample_period() * static_cast<std::uint64_t>(k_exposure_unit);
  hits_[cell(seen, bucket_of(std::min(age_ticks, k_age_ticks_max)))].fetch_add(
      units, std::memory_order_relaxed);
}

void ReuseModel::count_exposure(unsigned seen, unsigned age_ticks, double entry_turnovers) {
  const auto units = static_cast<std::uint64_t>(std::llround(entry_turnovers * k_exposure_unit));
  exposure_[cell(seen, bucket_of(std::min(age_ticks, k_age_ticks_max)))].fetch_add(
      units, std::memory_order_relaxed);
}

bool ReuseModel::census_due() const {
  return insertions_.load(std::memory_order_relaxed) % sample_period() == 0;
}

void ReuseModel::census(std::span<const EntryState> residents, std::uint64_t entries,
                        const GhostTable::Word& ghosts, std::size_t ghost_words) {
  // Everything that was looked at stands for its share of all, for the time since the last census.
  const Tick tick = now();
  const double turnovers =
      static_cast<double>(sample_period()) / static_cast<double>(this->entries());
  const std::size_t used = std::min<std::size_t>(residents.size(), k_census_max);
  if (used > 0) {
    // Spread over the candidates, and not the same places each time.
    const std::size_t start = insertions_.load(std::memory_order_relaxed) % residents.size();
    const double share = static_cast<double>(entries) / static_cast<double>(used) * turnovers;
    for (std::size_t i = 0; i < used; ++i) {
      const EntryState state = residents[(start + i * residents.size() / used) % residents.size()];
      count_exposure(state.seen(), state.age(tick), share);
    }
  }
  const double share = static_cast<double>(ghost_words) * turnovers;
  for (unsigned i = 0; i < ghosts.count; ++i)
    count_exposure(ghosts.ghost[i].seen, ghosts.ghost[i].age_ticks, share);
}

bool ReuseModel::rebuild_due() const {
  const std::uint64_t since =
      insertions_.load(std::memory_order_relaxed) - rebuilt_at_.load(std::memory_order_relaxed);
  return since >= std::max(k_rebuild_insertions_min, entries() / k_rebuilds_per_turnover);
}

void ReuseModel::rebuild() {
  static const Bounds bounds = bucket_bounds();
  const std::uint64_t insertions = insertions_.load(std::memory_order_relaxed);
  const auto since = static_cast<double>(insertions - rebuilt_at_.load(std::memory_order_relaxed));
  rebuilt_at_.store(insertions, std::memory_order_relaxed);

  // Take what is counted, and let it fade. Subtracting keeps what others add meanwhile.
  const double life =
      std::max(k_half_life_insertions_min, k_half_life * static_cast<double>(entries()));
  const double lost = 1 - std::exp2(-since / life);
  std::array<double, k_cells> hits{};
  std::array<double, k_cells> exposure{};
  const auto fade = [lost](std::atomic<std::uint64_t>& counter) {
    const std::uint64_t count = counter.load(std::memory_order_relaxed);
    counter.fetch_sub(static_cast<std::uint64_t>(static_cast<double>(count) * lost),
                      std::memory_order_relaxed);
    return static_cast<double>(count) / k_exposure_unit;
  };
  for (std::size_t i = 0; i < k_cells; ++i) {
    hits[i] = fade(hits_[i]);
    exposure[i] = fade(exposure_[i]);
  }

  // The rate of each age over all classes, drawn towards 1 / age.
  std::array<double, k_bucket_count> rate_all{};
  for (unsigned b = 0; b < k_bucket_count; ++b) {
    double hits_all = 0;
    double exposure_all = 0;
    for (unsigned c = 0; c < k_class_count; ++c) {
      hits_all += hits[cell(c, b)];
      exposure_all += exposure[cell(c, b)];
    }
    const double middle = (bounds.first[b] + bounds.first[b + 1]) / 2;
    rate_all[b] = (hits_all + k_prior_all * k_first_rate / (middle + k_first_age)) /
                  (exposure_all + k_prior_all);
  }

  for (unsigned c = 0; c < k_class_count; ++c) {
    // How much more than all is this class reused, at ages like its own?
    double got = k_prior_class;
    double expected = k_prior_class;
    for (unsigned b = 0; b < k_bucket_count; ++b) {
      got += hits[cell(c, b)];
      expected += exposure[cell(c, b)] * rate_all[b];
    }
    const double factor = got / expected;

    // The chance of a hit while crossing each bucket, drawn towards that factor times all.
    std::array<double, k_bucket_count> chance{};
    for (unsigned b = 0; b < k_bucket_count; ++b) {
      const double rate = (hits[cell(c, b)] + k_prior_cell * factor * rate_all[b]) /
                          (exposure[cell(c, b)] + k_prior_cell);
      chance[b] = 1 - std::exp(-rate * (bounds.first[b + 1] - bounds.first[b]));
    }

    // The Gittins index of each age: wait through one more bucket for as long as that improves hits
    // per time.
    for (unsigned from = 0; from < k_bucket_count; ++from) {
      double alive = 1;
      double expected_hits = 0;
      double time = 0;
      double index = 0;
      for (unsigned b = from; b < k_bucket_count; ++b) {
        time += alive * (bounds.first[b + 1] - bounds.first[b]) * (1 - chance[b] / 2);
        expected_hits += alive * chance[b];
        alive *= 1 - chance[b];
        index = std::max(index, expected_hits / time);
      }
      wait_[cell(c, from)].store(static_cast<float>(1 / std::max(index, 1e-9)),
                                 std::memory_order_relaxed);
    }
  }
}

}  // namespace ullage::policy
