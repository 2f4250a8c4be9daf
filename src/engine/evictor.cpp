#include "engine/evictor.h"

namespace ullage::engine {

namespace {
// A quantile tracked by steps: up a little when a page's worst is worse than the threshold, down
// more when it is better. The ratio of the steps puts the threshold where about one page of five is
// better.
constexpr float k_step_up = 1.01F;
constexpr float k_step_down = 0.96F;
}  // namespace

float Evictor::score_of(const std::byte* at, std::uint32_t size, std::int64_t base_ms,
                        policy::Rank rank, Weigh weigh) const noexcept {
  if (weigh == Weigh::count) return state_.ranking->score(rank, 1);
  std::uint32_t bytes = size + static_cast<std::uint32_t>(k_slot_bytes);
  const EntryHead e = decode_entry<PlainBytes>(at, size, base_ms);
  if (e.pieces) bytes += decode_link<PlainBytes>(at + e.value_at).bytes;
  return state_.ranking->score(rank, bytes);
}

std::optional<Victim> Evictor::worst(PageImage& image, const Names* keep, Weigh weigh,
                                     CallWork& work) const {
  std::optional<Victim> best;
  for_each_entry(
      image, [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank rank) {
        ++work.candidates_ranked;
        const float score = score_of(at, size, image.base_ms(), rank, weigh);
        if (best && score <= best->score) return;
        if (keep != nullptr) {
          const EntryHead e = decode_entry<PlainBytes>(at, size, image.base_ms());
          if (chars(at + e.field_at, e.field_bytes) == keep->field) {
            if (image.is_leaf()) return;
            const RecordHead head = image.record(place.item);
            if (chars(image.slots().at(place.item) + head.name_at, head.name_bytes) == keep->group)
              return;
          }
        }
        best = Victim{place, score};
      });
  return best;
}

std::optional<Victim> Evictor::worst_of_record(const PageImage& image, std::uint32_t record,
                                               const Names* keep, CallWork& work) const {
  std::optional<Victim> best;
  const RecordHead head = image.record(record);
  const RecordFields<PlainBytes> fields(image.slots().at(record), head);
  for (std::uint32_t f = 0; f < fields.count(); ++f) {
    ++work.candidates_ranked;
    const auto item = fields.item(f);
    const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, image.base_ms());
    if (keep != nullptr && chars(item.at + e.field_at, e.field_bytes) == keep->field) continue;
    const policy::Rank rank =
        head.fields == 1 ? image.slots().rank(record) : fields.slots().rank(f);
    const float score = score_of(item.at, item.bytes, image.base_ms(), rank, Weigh::bytes);
    if (!best || score > best->score) best = Victim{{record, f}, score};
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
