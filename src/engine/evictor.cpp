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

std::optional<Victim> Evictor::worst(const PageItems& page, Weigh weigh, const Choice& choice,
                                     CallWork& work) const {
  Victim best;
  best.score = -1;
  std::uint64_t ranked = 0;
  Sway sway_of(state_.classes, choice);
  if (page.is_leaf && sway_of(choice.leaf_class) < 0) return std::nullopt;
  const auto score_of = state_.ranking->scorer();
  for_each_entry_in_class(
      page, choice.leaf_class,
      [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank rank, ClassId id)
          ULLAGE_INLINE {
            const float sway = sway_of(id);
            if (sway < 0) return;
            ++ranked;
            const float rank_score = score_of(rank, weight_of(weigh, payload_of(at, size)));
            const float score = rank_score * sway;
            if (score > best.score)
              best.place = place, best.score = score, best.rank_score = rank_score;
          });
  work.candidates_ranked += ranked;
  if (best.score < 0) return std::nullopt;
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
  const auto score_of = state_.ranking->scorer();
  Sway sway_of(state_.classes, wanted.choice);
  // Mostly one or two are enough: an entry makes room for another of its size. So the few worst are
  // kept in order while all are ranked, and only where they do not do are all sorted.
  constexpr std::size_t k_few = 4;
  Victims::One few[k_few];
  std::size_t n = 0;
  std::uint64_t ranked = 0;
  float least = wanted.score;
  for_each_entry_in_class(
      image.items(), wanted.choice.leaf_class,
      [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank rank, ClassId id)
          ULLAGE_INLINE {
            const float sway = sway_of(id);
            if (sway < 0) return;
            ++ranked;
            const std::uint32_t payload = payload_of(at, size);
            const float score = score_of(rank, weight_of(wanted.weigh, payload)) * sway;
            if (score < least || (n == k_few && score == least)) return;
            if (n < k_few) ++n;
            std::size_t to = n - 1;
            for (; to != 0 && few[to - 1].score < score; --to)
              few[to] = few[to - 1];
            few[to] = {place, score, size + static_cast<std::uint32_t>(k_slot_bytes), payload};
            if (n == k_few) least = few[k_few - 1].score;
          });
  work.candidates_ranked += ranked;
  std::uint64_t payload = 0;
  const auto enough = [&] {
    return victims.count_ >= wanted.entries || victims.page_bytes_ >= wanted.page_bytes ||
           payload >= wanted.payload_bytes;
  };
  const auto take = [&](const Victims::One& one, std::size_t to) {
    victims.ones_[to] = one;
    ++victims.count_;
    victims.page_bytes_ += one.page_bytes;
    payload += one.payload_bytes;
  };
  const auto last_first = [](const Victims::One& a, const Victims::One& b) {
    return a.place.item != b.place.item ? a.place.item > b.place.item
                                        : a.place.field > b.place.field;
  };
  Victims::One* const ones = victims.ones_;
  for (std::size_t i = 0; i < n && !enough(); ++i) {
    if (keep == nullptr || !is_entry(image, few[i].place, *keep)) take(few[i], victims.count_);
  }
  if (n < k_few || enough()) {
    std::sort(ones, ones + victims.count_, last_first);
    return;
  }

  victims.count_ = 0;
  victims.page_bytes_ = 0;
  payload = 0;
  work.candidates_ranked += ranked;  // once more
  std::size_t all = 0;
  for_each_entry_in_class(
      image.items(), wanted.choice.leaf_class,
      [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank rank, ClassId id)
          ULLAGE_INLINE {
            const float sway = sway_of(id);
            if (sway < 0) return;
            const std::uint32_t bytes = payload_of(at, size);
            const float score = score_of(rank, weight_of(wanted.weigh, bytes)) * sway;
            if (score < wanted.score || all == Victims::k_max) return;
            ones[all++] = {place, score, size + static_cast<std::uint32_t>(k_slot_bytes), bytes};
          });
  const auto better = [](const Victims::One& a, const Victims::One& b) {
    return a.score < b.score;
  };
  std::make_heap(ones, ones + all, better);
  // The heap's worst goes to its end: the victims gather behind it.
  for (std::size_t left = all; left != 0 && !enough();) {
    std::pop_heap(ones, ones + left, better);
    const Victims::One one = ones[--left];
    if (keep != nullptr && is_entry(image, one.place, *keep)) continue;
    take(one, all - victims.count_ - 1);
  }
  std::move(ones + all - victims.count_, ones + all, ones);
  std::sort(ones, ones + victims.count_, last_first);
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
      return Victim{place, 0, 0, true};
    const policy::Rank rank =
        head.fields == 1 ? image.slots().rank(record) : fields.slots().rank(f);
    const float score =
        state_.ranking->score(rank, weight_of(Weigh::bytes, payload_of(item.at, item.bytes)));
    if (!best || score > best->score) best = Victim{place, score, score, false};
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
