#include "engine/classes.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/items.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <unordered_map>

namespace ullage::engine {

namespace {
/// A class whose min leaves it so little to give is left alone: who evicts a page's worth at once,
/// on several threads, must not take it below.
constexpr std::uint64_t k_min_margin_bytes = 32 * k_kib;
// Steps of the scores between kinds of classes, far beyond what scores of entries differ by; all of
// them together stay within a float.
constexpr int k_high_exponent = 40;
constexpr int k_low_exponent = -60;
constexpr int k_share_exponent_min = -30;
/// So steep are shares: a class one percent below the one with most of its share counts for 2^-8.
constexpr float k_share_steepness = 800.0F;
/// From this share of its max on a class's pages are noted.
constexpr std::uint64_t k_tight_numerator = 7;
constexpr std::uint64_t k_tight_denominator = 8;
constexpr int k_match_tries = 16;
constexpr std::uint64_t k_mix = 0x9e3779b97f4a7c15ULL;

std::size_t in_lines(std::size_t bytes) noexcept {
  return (bytes + 63) / 64 * 64;
}
std::size_t index_slots(std::size_t max) noexcept {
  return std::bit_ceil(2 * max + 1);
}
/// Up to 8 bytes of a name, at most so many as it has.
std::uint64_t bytes_of(std::string_view name, std::size_t at, std::size_t n) noexcept {
  std::uint64_t word = 0;
  if (at + 8 <= name.size()) {
    std::memcpy(&word, name.data() + at, 8);
    return n == 8 ? word : word & ((std::uint64_t{1} << (8 * n)) - 1);
  }
  for (std::size_t i = 0; i < n; ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(name[at + i])) << (8 * i);
  return word;
}
}  // namespace

std::size_t Classes::bytes_for(std::size_t max) noexcept {
  return sizeof(Slot) * (max + 1) + in_lines(sizeof(Counts) * (max + 1)) * k_stripes +
         in_lines(sizeof(std::atomic<std::uint32_t>) * index_slots(max));
}

void Classes::attach(std::byte* memory, std::size_t max, std::uint64_t seed) noexcept {
  max_ = static_cast<ClassId>(max);
  seed_ = seed;
  slots_ = reinterpret_cast<Slot*>(memory);
  stripes_ = memory + sizeof(Slot) * (max + 1);
  stripe_bytes_ = in_lines(sizeof(Counts) * (max + 1));
  index_ = reinterpret_cast<std::atomic<std::uint32_t>*>(stripes_ + stripe_bytes_ * k_stripes);
  index_mask_ = index_slots(max) - 1;
}

// --- matching ------------------------------------------------------------------------------------

template <class OnLength>
void Classes::for_each_prefix(std::string_view name, OnLength on_length) const noexcept {
  std::uint64_t hash = seed_;
  std::size_t at = 0;
  const std::uint32_t count = length_count_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < count && i < lengths_.size(); ++i) {
    const std::size_t length = lengths_[i].load(std::memory_order_acquire);
    if (length > name.size()) return;
    while (at < length) {
      const std::size_t n = std::min<std::size_t>(8, length - at);
      hash = (hash ^ bytes_of(name, at, n)) * k_mix;
      hash ^= hash >> 29;
      at += n;
    }
    on_length(length, hash);
  }
}

ClassId Classes::match_once(std::string_view group) const noexcept {
  ClassId best = everything_.load(std::memory_order_acquire);
  for_each_prefix(group, [&](std::size_t length, std::uint64_t hash) {
    const auto tag = static_cast<std::uint32_t>(hash >> 48) << 16;
    for (std::size_t i = hash & index_mask_, n = 0; n <= index_mask_;
         i = (i + 1) & index_mask_, ++n) {
      const std::uint32_t entry = index_[i].load(std::memory_order_acquire);
      if (entry == 0) return;
      if ((entry & 0xffff0000U) != tag) continue;
      const auto id = static_cast<ClassId>(entry);
      const Slot& candidate = slot(id);
      if (candidate.pattern_bytes.load(std::memory_order_acquire) == length + 1 &&
          base::equals(candidate.pattern_text, group.substr(0, length))) {
        best = id;
        return;
      }
    }
  });
  return best;
}

ClassId Classes::match(std::string_view group) const noexcept {
  for (int n = 0; n < k_match_tries; ++n) {
    const auto version = lock_.begin_read();
    const ClassId id = match_once(group);
    if (lock_.validate(version)) return id;
  }
  auto& lock = const_cast<base::VersionLock&>(lock_);
  lock.lock();
  const ClassId id = match_once(group);
  lock.unlock();
  return id;
}

void Classes::build_index(const std::vector<bool>& is_new) noexcept {
  // The patterns' lengths come first: a prefix is hashed by way of all shorter ones.
  std::array<bool, k_class_pattern_max_bytes> has{};
  ClassId everything = k_no_class;
  for (ClassId id = 1; id <= max_; ++id) {
    const Slot& s = slot(id);
    if (s.state.load(std::memory_order_relaxed) != SlotState::live) continue;
    const std::size_t length = s.pattern_bytes.load(std::memory_order_relaxed) - 1U;
    if (length == 0) {
      everything = id;
    } else {
      has[length] = true;
    }
  }
  lock_.lock();
  lock_.begin_change();
  std::uint32_t count = 0;
  for (std::size_t length = 1; length < has.size(); ++length) {
    if (has[length]) lengths_[count++].store(static_cast<std::uint8_t>(length));
  }
  length_count_.store(count);
  everything_.store(everything);
  for (std::size_t i = 0; i <= index_mask_; ++i) {
    // Most of it was never touched, and stays so.
    if (index_[i].load(std::memory_order_relaxed) != 0) index_[i].store(0);
  }
  for (ClassId id = 1; id <= max_; ++id) {
    const Slot& s = slot(id);
    const std::size_t bytes = s.pattern_bytes.load(std::memory_order_relaxed);
    if (s.state.load(std::memory_order_relaxed) != SlotState::live || bytes <= 1) continue;
    const std::string_view prefix = chars(s.pattern_text, bytes - 1);
    for_each_prefix(prefix, [&](std::size_t length, std::uint64_t hash) {
      if (length != prefix.size()) return;
      std::size_t i = hash & index_mask_;
      while (index_[i].load(std::memory_order_relaxed) != 0)
        i = (i + 1) & index_mask_;
      index_[i].store((static_cast<std::uint32_t>(hash >> 48) << 16) | id);
    });
  }
  for (ClassId id = 1; id <= max_; ++id) {
    Slot& s = slot(id);
    if (s.state.load(std::memory_order_relaxed) != SlotState::live) continue;
    const std::string_view text = pattern(id);
    const ClassId above =
        text.size() < 2 ? k_no_class : match_once(text.substr(0, text.size() - 2));
    s.parents[1].store(above, std::memory_order_relaxed);
    if (is_new[id]) s.parents[0].store(above, std::memory_order_relaxed);
  }
  lock_.end_change();
  lock_.unlock();
}

// --- counts and books ----------------------------------------------------------------------------

std::uint64_t Classes::counted(ClassId id, std::size_t which) const noexcept {
  std::uint64_t sum = 0;
  for (unsigned s = 0; s < k_stripes; ++s) {
    const auto* row = reinterpret_cast<const Counts*>(stripes_ + s * stripe_bytes_);
    sum += row[id].hits_and_misses[which].load(std::memory_order_relaxed);
  }
  return sum;
}

std::uint64_t Classes::tightest_max(ClassId id) const noexcept {
  std::uint64_t least = UINT64_MAX;
  for (; id != k_no_class; id = parent(id, 1))
    least = std::min(least, max_now(id));
  return least;
}

bool Classes::try_use(ClassId id, std::uint64_t bytes) noexcept {
  if (bytes == 0) return true;
  Slot& s = slot(id);
  const std::uint64_t most = s.max_now.load(std::memory_order_relaxed);
  if (most == UINT64_MAX) {
    add(s.used, bytes);
    return true;
  }
  // Not added first and taken back: nobody may ever see more than the max.
  std::uint64_t seen = s.used.load(std::memory_order_relaxed);
  while (seen + bytes <= most) {
    if (s.used.compare_exchange_weak(seen, seen + bytes, std::memory_order_relaxed)) return true;
  }
  return false;
}

ClassId Classes::reserve(ClassId id, std::uint64_t group_hash, std::uint64_t bytes) noexcept {
  if (id == k_no_class) return k_no_class;
  const unsigned at = side(group_hash);
  for (ClassId full = id; full != k_no_class; full = parent(full, at)) {
    if (try_use(full, bytes)) continue;
    for (ClassId back = id; back != full; back = parent(back, at))
      unuse(back, bytes);
    return full;
  }
  add(slot(id).own, bytes);
  return k_no_class;
}

void Classes::charge_whatever_its_max(ClassId id, unsigned at, std::uint64_t bytes) noexcept {
  if (id == k_no_class || bytes == 0) return;
  add(slot(id).own, bytes);
  for (; id != k_no_class; id = parent(id, at)) {
    Slot& s = slot(id);
    const std::uint64_t used = s.used.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    // Who comes from elsewhere is not turned away: the class is then brought down to its max.
    std::uint64_t most = s.max_now.load(std::memory_order_relaxed);
    if (used <= most) continue;
    while (most < used && !s.max_now.compare_exchange_weak(most, used, std::memory_order_relaxed)) {
    }
    is_lowering_.store(true, std::memory_order_release);
  }
}

void Classes::uncharge_side(ClassId id, unsigned at, std::uint64_t bytes) noexcept {
  if (id == k_no_class || bytes == 0) return;
  sub(slot(id).own, bytes);
  for (; id != k_no_class; id = parent(id, at))
    sub(slot(id).used, bytes);
}

void Classes::uncharge(ClassId id, std::uint64_t group_hash, std::uint64_t bytes) noexcept {
  uncharge_side(id, side(group_hash), bytes);
}

void Classes::count_removed(ClassId id, RemovalCause cause, std::uint64_t n) noexcept {
  Slot& s = slot(id);
  switch (cause) {
    case RemovalCause::evicted:
      return add(s.evicted, n);
    case RemovalCause::expired:
      return add(s.expired, n);
    case RemovalCause::limit:
      return add(s.limited, n);
    case RemovalCause::replaced:
    case RemovalCause::erased:
      return;
  }
}

bool Classes::keeps_parents(ClassId id) const noexcept {
  for (; id != k_no_class; id = parent(id, 0)) {
    if (parent(id, 0) != parent(id, 1)) return false;
  }
  return true;
}

void Classes::take_along(ClassId from, ClassId to, std::uint64_t bytes,
                         std::uint64_t entries) noexcept {
  if (from == to && keeps_parents(from)) return;
  charge_whatever_its_max(to, 1, bytes);
  uncharge_side(from, 0, bytes);
  if (from == to) return;
  if (to != k_no_class) {
    count_groups(to, 1);
    count_entries(to, entries);
  }
  if (from != k_no_class) {
    uncount_groups(from, 1);
    uncount_entries(from, entries);
  }
}

// --- reclaim -------------------------------------------------------------------------------------

int Classes::Standing::exponent() const noexcept {
  return is_low ? k_low_exponent : is_high ? k_high_exponent : 0;
}

Classes::Standing Classes::standing(ClassId id, ClassId end) const noexcept {
  Standing standing;
  for (; id != k_no_class && id != end; id = parent(id, 1)) {
    const Slot& s = slot(id);
    const std::uint64_t used = s.used.load(std::memory_order_relaxed);
    const std::uint64_t min = s.min_now.load(std::memory_order_relaxed);
    const std::uint64_t high = s.high.load(std::memory_order_relaxed);
    standing.is_kept = standing.is_kept || (min != 0 && used < min + k_min_margin_bytes);
    standing.is_low = standing.is_low || used < s.low_now.load(std::memory_order_relaxed);
    standing.is_high = standing.is_high || (high != 0 && used > high);
  }
  return standing;
}

float Classes::sway(ClassId id) const noexcept {
  float share = pool_share_.load(std::memory_order_relaxed);
  const float most = most_of_a_share_.load(std::memory_order_relaxed);
  int exponent = 0;
  if (id != k_no_class) {
    const Slot& own = slot(id);
    if (const std::uint32_t weight = own.weight.load(std::memory_order_relaxed); weight != 0)
      share =
          static_cast<float>(own.own.load(std::memory_order_relaxed)) / static_cast<float>(weight);
    const Standing all = standing(id, k_no_class);
    if (all.is_kept) return -1;
    exponent = all.exponent();
  }
  if (most > 0 && share < most) {
    exponent +=
        std::max(k_share_exponent_min, -static_cast<int>(k_share_steepness * (1 - share / most)));
  }
  return exponent == 0 ? 1.0F : std::ldexp(1.0F, exponent);
}

float Classes::sway_within(ClassId id, ClassId full) const noexcept {
  if (!is_within(id, full)) return -1;
  const Standing inside = standing(id, full);
  return inside.is_kept ? -1.0F : std::ldexp(1.0F, inside.exponent());
}

bool Classes::is_within(ClassId id, ClassId above) const noexcept {
  // While a walk is under way on either side of it: to be charged is enough.
  for (const unsigned at : {1U, 0U}) {
    for (ClassId one = id; one != k_no_class; one = parent(one, at)) {
      if (one == above) return true;
    }
  }
  return false;
}

void Classes::weigh(std::uint64_t all_bytes) noexcept {
  float most = 0;
  std::uint64_t weighed_bytes = 0;
  bool is_over = false;
  for (ClassId id = 1; id <= max_; ++id) {
    const Slot& s = slot(id);
    const SlotState state = s.state.load(std::memory_order_relaxed);
    if (state == SlotState::free || state == SlotState::coming) continue;
    const std::uint64_t high = s.high.load(std::memory_order_relaxed);
    is_over = is_over || (high != 0 && s.used.load(std::memory_order_relaxed) > high);
    const std::uint64_t own = s.own.load(std::memory_order_relaxed);
    const std::uint32_t weight = s.weight.load(std::memory_order_relaxed);
    if (weight == 0) continue;
    weighed_bytes += own;
    most = std::max(most, static_cast<float>(own) / static_cast<float>(weight));
  }
  const std::uint64_t pool_bytes = all_bytes - std::min(all_bytes, weighed_bytes);
  const float pool = static_cast<float>(pool_bytes) / static_cast<float>(k_class_weight_of_others);
  pool_share_.store(pool, std::memory_order_relaxed);
  least_sway_.store(is_over ? std::ldexp(1.0F, k_high_exponent / 2) : 1.0F,
                    std::memory_order_relaxed);
  most_of_a_share_.store(has_weights_.load(std::memory_order_relaxed) ? std::max(most, pool) : 0,
                         std::memory_order_relaxed);
}

void Classes::note_page(ClassId id, Ref page) noexcept {
  Slot& s = slot(id);
  const std::uint64_t n = s.next_note.fetch_add(1, std::memory_order_relaxed);
  s.noted[n % k_pool].store(page, std::memory_order_relaxed);
}

Ref Classes::noted_page(ClassId id, base::Random& random) const noexcept {
  const Slot& s = slot(id);
  const std::size_t from = random.next() % k_pool;
  for (std::size_t i = 0; i < k_pool; ++i) {
    const Ref page = s.noted[(from + i) % k_pool].load(std::memory_order_relaxed);
    if (page != k_no_ref) return page;
  }
  return k_no_ref;
}

void Classes::note_if_tight(ClassId id, Ref page) noexcept {
  for (; id != k_no_class; id = parent(id, 1)) {
    const std::uint64_t most = max_now(id);
    if (most != UINT64_MAX && used(id) > most / k_tight_denominator * k_tight_numerator)
      note_page(id, page);
  }
}

ClassId Classes::next_over_max() noexcept {
  // Taken back first: who sets it while the classes are looked at is not overlooked.
  if (max_ == 0 || !is_lowering_.exchange(false, std::memory_order_acq_rel)) return k_no_class;
  for (std::uint32_t n = 0; n < max_; ++n) {
    const auto id =
        static_cast<ClassId>(1 + next_looked_at_.fetch_add(1, std::memory_order_relaxed) % max_);
    const Slot& s = slot(id);
    if (s.state.load(std::memory_order_relaxed) != SlotState::free &&
        (max_now(id) > s.max_wanted.load(std::memory_order_relaxed) || used(id) > max_now(id))) {
      is_lowering_.store(true, std::memory_order_release);
      return id;
    }
  }
  return k_no_class;
}

void Classes::lower(ClassId id, std::uint64_t bytes) noexcept {
  Slot& s = slot(id);
  std::uint64_t most = s.max_now.load(std::memory_order_relaxed);
  const std::uint64_t used = s.used.load(std::memory_order_relaxed);
  if (used > most) return;
  const std::uint64_t next =
      std::max(s.max_wanted.load(std::memory_order_relaxed), used - std::min(used, bytes));
  while (next < most && !s.max_now.compare_exchange_weak(most, next, std::memory_order_relaxed)) {
  }
}

// --- definitions ---------------------------------------------------------------------------------

std::string_view Classes::pattern(ClassId id) const noexcept {
  const Slot& s = slot(id);
  return chars(s.pattern_text, s.pattern_bytes.load(std::memory_order_relaxed));
}

std::string Classes::copy_pattern(ClassId id) const {
  const Slot& s = slot(id);
  std::array<char, k_class_pattern_max_bytes> text;
  for (;;) {
    const auto version = lock_.begin_read();
    const std::size_t bytes = std::min<std::size_t>(s.pattern_bytes.load(std::memory_order_acquire),
                                                    k_class_pattern_max_bytes);
    base::copy_out(text.data(), s.pattern_text, bytes);
    if (lock_.validate(version)) return {text.data(), bytes};
  }
}

ClassId Classes::take_slot(std::string_view text, ClassId from) noexcept {
  for (ClassId id = from; id <= max_; ++id) {
    Slot& s = slot(id);
    if (s.state.load(std::memory_order_relaxed) != SlotState::free) continue;
    // Readers may be comparing with what is left of the one before.
    lock_.lock();
    lock_.begin_change();
    base::store_bytes(s.pattern_text, text.data(), text.size());
    s.pattern_bytes.store(static_cast<std::uint8_t>(text.size()), std::memory_order_release);
    lock_.end_change();
    lock_.unlock();
    s.hits_before = counted(id, 0);
    s.misses_before = counted(id, 1);
    for (Word* word : {&s.evicted, &s.expired, &s.limited, &s.next_note})
      word->store(0, std::memory_order_relaxed);
    for (auto& noted : s.noted)
      noted.store(k_no_ref, std::memory_order_relaxed);
    s.parents[0].store(k_no_class, std::memory_order_relaxed);
    s.parents[1].store(k_no_class, std::memory_order_relaxed);
    s.idle_ms.store(0, std::memory_order_relaxed);
    s.state.store(SlotState::coming, std::memory_order_relaxed);
    return id;
  }
  return k_no_class;
}

void Classes::set_limits(Slot& to, const ClassSet::One& from, std::int64_t now_ms) noexcept {
  const ClassLimits& l = from.definition.limits;
  to.defined = l;
  const std::uint64_t max = l.max == 0 ? UINT64_MAX : l.max;
  // A class that holds more keeps what it has until it is brought down; it never grows meanwhile.
  to.max_now.store(max == UINT64_MAX ? max : std::max(max, to.used.load(std::memory_order_relaxed)),
                   std::memory_order_relaxed);
  to.max_wanted.store(max, std::memory_order_relaxed);
  to.high.store(l.high, std::memory_order_relaxed);
  to.low_now.store(l.low, std::memory_order_relaxed);
  to.weight.store(l.weight, std::memory_order_relaxed);
  to.max_fields.store(from.effective.max_fields, std::memory_order_relaxed);
  to.max_bytes.store(from.effective.max_bytes, std::memory_order_relaxed);
  to.ttl_ms.store(from.effective.ttl.count(), std::memory_order_relaxed);
  if (to.idle_ms.load(std::memory_order_relaxed) == 0)
    to.idle_since_ms.store(now_ms, std::memory_order_relaxed);
  to.idle_ms.store(from.effective.idle_ttl.count(), std::memory_order_relaxed);
}

Result<void> Classes::accept(const ClassSet& set, std::size_t memory_limit, std::int64_t now_ms) {
  std::size_t wanted = 0;
  std::size_t free = 0;
  std::unordered_map<std::string_view, ClassId> present;
  for (ClassId id = 1; id <= max_; ++id) {
    const SlotState state = slot(id).state.load(std::memory_order_relaxed);
    // One that is leaving no longer is what it was: it may come again beside it.
    if (state != SlotState::free && state != SlotState::leaving) present.emplace(pattern(id), id);
  }
  std::vector<ClassId> ids(set.all.size(), k_no_class);
  std::vector<bool> stays(max_ + 1U, false);
  for (std::size_t i = 0; i < set.all.size(); ++i) {
    const auto found = present.find(set.all[i].definition.pattern);
    if (found != present.end()) ids[i] = found->second;
    stays[ids[i]] = true;
    if (ids[i] == k_no_class) ++wanted;
  }
  for (ClassId id = 1; id <= max_; ++id) {
    const SlotState state = slot(id).state.load(std::memory_order_relaxed);
    if (state == SlotState::free || (state == SlotState::coming && !stays[id])) ++free;
  }
  if (wanted > free || set.all.size() > max_) {
    return Error{Errc::invalid_argument,
                 "no room for " + std::to_string(wanted) + " more classes: there are " +
                     std::to_string(max_ - free) + ", leaving ones included, and max_classes is " +
                     std::to_string(max_)};
  }
  for (ClassId id = 1; id <= max_; ++id) {
    if (stays[id]) continue;
    Slot& s = slot(id);
    const SlotState state = s.state.load(std::memory_order_relaxed);
    if (state == SlotState::coming) s.state.store(SlotState::free, std::memory_order_relaxed);
    if (state == SlotState::live) s.state.store(SlotState::going, std::memory_order_relaxed);
  }
  ClassId next = 1;
  for (std::size_t i = 0; i < set.all.size(); ++i) {
    if (ids[i] == k_no_class) {
      ids[i] = next = take_slot(set.all[i].definition.pattern, next);
      ULLAGE_CHECK(ids[i] != k_no_class);
    }
    Slot& s = slot(ids[i]);
    if (s.state.load(std::memory_order_relaxed) == SlotState::going)
      s.state.store(SlotState::live, std::memory_order_relaxed);
    set_limits(s, set.all[i], now_ms);
  }
  is_lowering_.store(true, std::memory_order_release);
  demand_ = set.demand;
  protect(memory_limit);
  update_flags();
  return {};
}

void Classes::update_flags() noexcept {
  bool some = false;
  bool weights = false;
  bool changes = false;
  bool limit_groups = false;
  bool protects = false;
  for (ClassId id = 1; id <= max_; ++id) {
    const SlotState state = slot(id).state.load(std::memory_order_relaxed);
    if (state == SlotState::free) continue;
    some = true;
    limit_groups = limit_groups || max_fields(id) != 0 || max_bytes(id) != 0 || idle_ms(id) != 0 ||
                   ttl_ms(id) != 0;
    changes = changes || state == SlotState::coming || state == SlotState::going;
    weights = weights || slot(id).weight.load(std::memory_order_relaxed) != 0;
    protects = protects || slot(id).defined.min != 0 || slot(id).defined.low != 0;
  }
  protects_any_.store(protects, std::memory_order_relaxed);
  any_.store(some, std::memory_order_relaxed);
  has_weights_.store(weights, std::memory_order_relaxed);
  has_changes_.store(changes, std::memory_order_relaxed);
  limit_groups_.store(limit_groups, std::memory_order_relaxed);
  if (!weights) most_of_a_share_.store(0, std::memory_order_relaxed);
  if (!some) least_sway_.store(1, std::memory_order_relaxed);
}

std::vector<ClassDefinition> Classes::definitions() const {
  std::vector<ClassDefinition> all;
  for (ClassId id = 1; id <= max_; ++id) {
    if (is_told(id)) all.push_back({std::string(pattern(id)), slot(id).defined});
  }
  return all;
}

void Classes::protect(std::size_t memory_limit) noexcept {
  const std::uint64_t most = protectable_bytes(memory_limit);
  for (ClassId id = 1; id <= max_; ++id) {
    Slot& s = slot(id);
    std::uint64_t min = is_told(id) ? s.defined.min : 0;
    // As in cgroup v2, who is promised more than there is gets its part of it.
    if (demand_ > most)
      min = static_cast<std::uint64_t>(static_cast<double>(min) * static_cast<double>(most) /
                                       static_cast<double>(demand_));
    s.min_now.store(min, std::memory_order_relaxed);
  }
}

bool Classes::is_told(ClassId id) const noexcept {
  const SlotState state = slot(id).state.load(std::memory_order_relaxed);
  return state == SlotState::coming || state == SlotState::live;
}

ClassInfo Classes::info(ClassId id) const {
  const auto word = [](const Word& w) { return w.load(std::memory_order_relaxed); };
  const Slot& s = slot(id);
  ClassInfo info;
  info.pattern = pattern(id);
  if (const ClassId above = parent(id, 1); above != k_no_class) info.parent = pattern(above);
  info.limits = s.defined;
  info.settled = is_settled() && s.state.load(std::memory_order_relaxed) == SlotState::live;
  info.bytes = word(s.used);
  info.own_bytes = word(s.own);
  info.entries = word(s.entries);
  info.groups = word(s.groups);
  info.hits = counted(id, 0) - s.hits_before;
  info.misses = counted(id, 1) - s.misses_before;
  info.evicted = word(s.evicted);
  info.expired = word(s.expired);
  info.limited = word(s.limited);
  info.min_now = word(s.min_now);
  info.max_now = s.defined.max == 0 ? 0 : std::max(word(s.max_now), info.bytes);
  return info;
}

std::optional<ClassInfo> Classes::info(std::string_view wanted) const {
  for (ClassId id = 1; id <= max_; ++id) {
    if (is_told(id) && pattern(id) == wanted) return info(id);
  }
  return std::nullopt;
}

std::vector<ClassInfo> Classes::infos() const {
  std::vector<ClassInfo> all;
  for (ClassId id = 1; id <= max_; ++id) {
    if (is_told(id)) all.push_back(info(id));
  }
  std::ranges::sort(all, {}, &ClassInfo::pattern);
  return all;
}

// --- the walk ------------------------------------------------------------------------------------

void Classes::change_order() {
  std::vector<bool> is_new(max_ + 1U, false);
  for (ClassId id = 1; id <= max_; ++id) {
    Slot& s = slot(id);
    const SlotState state = s.state.load(std::memory_order_relaxed);
    is_new[id] = state == SlotState::coming;
    if (state == SlotState::going) s.state.store(SlotState::leaving, std::memory_order_relaxed);
    if (state == SlotState::coming) s.state.store(SlotState::live, std::memory_order_relaxed);
  }
  build_index(is_new);
  has_changes_.store(false, std::memory_order_relaxed);
}

void Classes::end_walk() noexcept {
  for (ClassId id = 1; id <= max_; ++id) {
    Slot& s = slot(id);
    s.parents[0].store(s.parents[1].load(std::memory_order_relaxed), std::memory_order_relaxed);
    if (s.state.load(std::memory_order_relaxed) != SlotState::leaving) continue;
    ULLAGE_CHECK(s.own.load(std::memory_order_relaxed) == 0 &&
                 s.groups.load(std::memory_order_relaxed) == 0);
    s.state.store(SlotState::free, std::memory_order_relaxed);
  }
  position_.store(k_everything, std::memory_order_relaxed);
  update_flags();
}

// --- the validator -------------------------------------------------------------------------------

ClassBooks Classes::books(ClassId id) const noexcept {
  const Slot& s = slot(id);
  return {s.used.load(std::memory_order_relaxed), s.own.load(std::memory_order_relaxed),
          s.entries.load(std::memory_order_relaxed), s.groups.load(std::memory_order_relaxed)};
}

void Classes::add_group(std::vector<ClassBooks>& books, ClassId id, std::uint64_t group_hash,
                        std::uint64_t bytes, std::uint64_t entries) const noexcept {
  if (id == k_no_class || id > max_) return;
  books[id].own += bytes;
  books[id].entries += entries;
  ++books[id].groups;
  const unsigned at = side(group_hash);
  for (; id != k_no_class; id = parent(id, at))
    books[id].used += bytes;
}

}  // namespace ullage::engine
