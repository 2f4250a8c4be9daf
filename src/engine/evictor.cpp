#include "engine/evictor.h"

#include <algorithm>

namespace ullage::engine {

namespace {
// A quantile tracked by steps: up a little when a page's worst is worse than the threshold, down
// more when it is better. The ratio of the steps puts the threshold where about one page of five is
// better.
constexpr float k_step_up = 1.01F;
constexpr float k_step_down = 0.96F;
}  // namespace

// What runs for every candidate is worth having in the loop itself, in all three places where
// for_each_entry() calls it.
#define ULLAGE_INLINE __attribute__((always_inline))

namespace {
/// Payload bytes that go with an entry of `size` bytes.
inline std::uint32_t payload_of(const std::byte* at, std::uint32_t size) noexcept {
  // Only the long form can have pieces; what else it says does not matter here.
  if (PlainBytes::u8(at) < detail::k_long) return size;
  const EntryHead e = decode_entry<PlainBytes>(at, size, 0);
  return e.pieces ? size + decode_link<PlainBytes>(at + e.value_at).bytes : size;
}
/// What an entry counts for when it is ranked.
inline std::uint32_t weight_of(Weigh weigh, std::uint32_t payload) noexcept {
  return weigh == Weigh::count ? 1 : payload + static_cast<std::uint32_t>(k_slot_bytes);
}
}  // namespace

std::optional<Victim> Evictor::worst(const PageImage& image, Weigh weigh, CallWork& work) const {
  Victim best;
  best.score = -1;
  std::uint64_t ranked = 0;
  const auto score_of = state_.ranking->scorer();
  for_each_entry(image, [&](EntryPlace place, const std::byte* at, std::uint32_t size,
                            policy::Rank rank) ULLAGE_INLINE {
    ++ranked;
    const float score = score_of(rank, weight_of(weigh, payload_of(at, size)));
    if (score > best.score) best.place = place, best.score = score;
  });
  work.candidates_ranked += ranked;
  if (ranked == 0) return std::nullopt;
  return best;
}

namespace {
bool is_entry(const PageImage& image, EntryPlace place, const Names& names) {
  const SlotsEdit& slots = image.slots();
  const std::byte* at = slots.at(place.item);
  std::uint32_t size = slots.size(place.item);
  if (!image.is_leaf()) {
    const RecordHead head = image.record(place.item);
    if (chars(at + head.name_at, head.name_bytes) != names.group) return false;
    const auto item = RecordFields<PlainBytes>(at, head).item(place.field);
    at = item.at;
    size = item.bytes;
  }
  const EntryHead e = decode_entry<PlainBytes>(at, size, 0);
  return chars(at + e.field_at, e.field_bytes) == names.field;
}
}  // namespace

void Evictor::pick(const PageImage& image, const Names* keep, const Wanted& wanted,
                   Victims& victims, CallWork& work) const {
  victims.count_ = 0;
  victims.page_bytes_ = 0;
  std::size_t all = 0;
  std::size_t worst = 0;
  std::uint64_t ranked = 0;
  const auto score_of = state_.ranking->scorer();
  for_each_entry(image, [&](EntryPlace place, const std::byte* at, std::uint32_t size,
                            policy::Rank rank) ULLAGE_INLINE {
    ++ranked;
    const std::uint32_t payload = payload_of(at, size);
    const float score = score_of(rank, weight_of(wanted.weigh, payload));
    if (score < wanted.score || all == Victims::k_max) return;
    victims.ones_[all] = {place, score, size + static_cast<std::uint32_t>(k_slot_bytes), payload};
    if (score > victims.ones_[worst].score) worst = all;
    ++all;
  });
  work.candidates_ranked += ranked;
  if (all == 0) return;
  // Mostly the worst alone is enough: one entry makes room for another of its size.
  if (const Victims::One one = victims.ones_[worst];
      (wanted.entries == 1 || one.page_bytes >= wanted.page_bytes ||
       one.payload_bytes >= wanted.payload_bytes) &&
      (keep == nullptr || !is_entry(image, one.place, *keep))) {
    victims.ones_[0] = one;
    victims.count_ = 1;
    victims.page_bytes_ = one.page_bytes;
    return;
  }
  const auto better = [](const Victims::One& a, const Victims::One& b) {
    return a.score < b.score;
  };
  Victims::One* const ones = victims.ones_;
  std::make_heap(ones, ones + all, better);
  // The heap's worst goes to its end: the victims gather behind it.
  std::uint64_t payload = 0;
  std::size_t taken = 0;
  std::size_t left = all;
  while (left != 0 && taken < wanted.entries && victims.page_bytes_ < wanted.page_bytes &&
         payload < wanted.payload_bytes) {
    std::pop_heap(ones, ones + left, better);
    const Victims::One one = ones[--left];
    if (keep != nullptr && is_entry(image, one.place, *keep)) continue;
    ++taken;
    ones[all - taken] = one;
    victims.page_bytes_ += one.page_bytes;
    payload += one.payload_bytes;
  }
  std::move(ones + all - taken, ones + all, ones);
  victims.count_ = taken;
  std::sort(ones, ones + taken, [](const Victims::One& a, const Victims::One& b) {
    return a.place.item != b.place.item ? a.place.item > b.place.item
                                        : a.place.field > b.place.field;
  });
}

std::optional<Victim> Evictor::worst_of_record(const PageImage& image, std::uint32_t record,
                                               const Names* keep, std::int64_t now_ms,
                                               CallWork& work) const {
  std::optional<Victim> best;
  const RecordHead head = image.record(record);
  const RecordFields<PlainBytes> fields(image.slots().at(record), head);
  for (std::uint32_t f = 0; f < fields.count(); ++f) {
    ++work.candidates_ranked;
    const EntryPlace place{record, f};
    if (keep != nullptr && is_entry(image, place, *keep)) continue;
    const auto item = fields.item(f);
    if (decode_entry<PlainBytes>(item.at, item.bytes, image.base_ms()).deadline_ms <= now_ms)
      return Victim{place, 0, true};
    const policy::Rank rank =
        head.fields == 1 ? image.slots().rank(record) : fields.slots().rank(f);
    const float score =
        state_.ranking->score(rank, weight_of(Weigh::bytes, payload_of(item.at, item.bytes)));
    if (!best || score > best->score) best = Victim{place, score, false};
  }
  return best;
}

void Evictor::learn(float worst_score) noexcept {
  const float at = threshold();
  float next = worst_score;
  if (at > 0) next = worst_score < at ? at * k_step_down : at * k_step_up;
  threshold_.store(next, std::memory_order_relaxed);
}

}  // namespace ullage::engine
