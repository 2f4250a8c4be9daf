// Takes the worst ranked entries out of a page image.
#pragma once

#include "engine/items.h"
#include "engine/page_image.h"
#include "engine/removal_events.h"
#include "engine/state.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace ullage::engine {

struct Victim {
  EntryPlace place;
  float score = 0;
};

/// Whether an entry is weighed by the bytes that it gives back, or counts as one (under
/// max_entries).
enum class Weigh : std::uint8_t { bytes, count };

class Evictor {
 public:
  explicit Evictor(State& state) noexcept : state_(state) {}

  /// The worst entry of the image, `keep` excepted; none if there is no other. O(entries of the
  /// page).
  [[nodiscard]] std::optional<Victim> worst(PageImage& image, const Names* keep, Weigh weigh,
                                            CallWork& work) const;
  /// The worst field of one record of a bucket's image, `keep` excepted.
  [[nodiscard]] std::optional<Victim> worst_of_record(const PageImage& image, std::uint32_t record,
                                                      const Names* keep, CallWork& work) const;

  /// What the worst of a page must score at least for the page to pay for its own growth. It
  /// follows the scores that pages offer, so that most pages do and hot ones let others pay.
  [[nodiscard]] float threshold() const noexcept {
    return threshold_.load(std::memory_order_relaxed);
  }
  void learn(float worst_score) noexcept;

 private:
  [[nodiscard]] float score_of(const std::byte* at, std::uint32_t size, std::int64_t base_ms,
                               policy::Rank rank, Weigh weigh) const noexcept;
  State& state_;
  std::atomic<float> threshold_{0};
};

}  // namespace ullage::engine
