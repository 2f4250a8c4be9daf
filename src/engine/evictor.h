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
  EntryPlace place{};
  float score = 0;       ///< with what its class makes of it
  float rank_score = 0;  ///< without
  bool expired = false;  ///< its time has come: it goes before any other, and as expired
  [[nodiscard]] RemovalCause cause(RemovalCause otherwise) const noexcept {
    return expired ? RemovalCause::expired : otherwise;
  }
};

/// Whether an entry is weighed by the bytes that it gives back, or counts as one (under
/// max_entries).
enum class Weigh : std::uint8_t { bytes, count };

/// Whom classes let evict.
struct Choice {
  enum class Of : std::uint8_t {
    any,       ///< classes do not matter: a group's own limit
    by_class,  ///< who is over its high first, who is below its min never, and so on
    within,    ///< likewise of what is in one class, or in one that lies in it: the class's own max
    within_whatever_min,  ///< the same where that has nobody who may pay
  };
  Of of = Of::any;
  ClassId leaf_class = k_no_class;  ///< of a leaf's entries; a bucket's records know theirs
  ClassId within_class = k_no_class;
};

/// How much is to go: victims are taken, worst first, until any of these is reached.
struct Wanted {
  Weigh weigh = Weigh::bytes;
  std::size_t entries = ~std::size_t{0};
  std::size_t page_bytes = ~std::size_t{0};  ///< given back in the page
  std::uint64_t payload_bytes = ~std::uint64_t{0};
  float score = 0;  ///< what scores less stays
  Choice choice{};
};

/// Victims in one page's image, ordered so that each can be removed without moving those after it.
class Victims {
 public:
  struct One {
    EntryPlace place;
    float score;
    std::uint32_t page_bytes;
    std::uint32_t payload_bytes;
  };
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] const One* begin() const noexcept { return ones_; }
  [[nodiscard]] const One* end() const noexcept { return ones_ + count_; }
  [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }

 private:
  friend class Evictor;
  /// No page has more: an entry is at least a byte and a slot.
  static constexpr std::size_t k_max = arena::k_page_max_bytes / (1 + k_slot_bytes) + 1;
  One ones_[k_max];  // without initialisers: only the first count_ are looked at
  std::size_t count_ = 0;
  std::size_t page_bytes_ = 0;
};

class Evictor {
 public:
  /// What classes make of the scores of their entries; below 0: they stay. Remembers the last
  /// class: an entry's neighbours are mostly in the same.
  class Sway {
   public:
    Sway(const Classes& classes, const Choice& choice) noexcept
        : classes_(classes),
          choice_(choice),
          matters_(choice.of != Choice::Of::any && classes.any()) {}
    [[nodiscard]] float operator()(ClassId id) noexcept {
      if (!matters_) return 1;
      if (!known_ || id != last_) {
        last_ = id;
        known_ = true;
        sway_ = sway_of(id);
      }
      return sway_;
    }

   private:
    [[nodiscard]] float sway_of(ClassId id) const noexcept {
      switch (choice_.of) {
        case Choice::Of::any:
          break;
        case Choice::Of::by_class:
          return classes_.sway(id);
        case Choice::Of::within:
          return classes_.sway_within(id, choice_.within_class);
        case Choice::Of::within_whatever_min:
          return classes_.is_within(id, choice_.within_class) ? 1.0F : -1.0F;
      }
      return 1;
    }

    const Classes& classes_;
    const Choice& choice_;
    const bool matters_;
    bool known_ = false;
    ClassId last_ = k_no_class;
    float sway_ = 1;
  };

  explicit Evictor(State& state) noexcept : state_(state) {}

  /// The worst entry of the page; none if it has none that may go. O(entries of the page).
  [[nodiscard]] std::optional<Victim> worst(const PageItems& page, Weigh weigh,
                                            const Choice& choice, CallWork& work) const;
  /// The worst entries, `keep` excepted, until enough are taken. O(n + victims log n) for the n
  /// entries of the page.
  void pick(const PageImage& image, const Names* keep, const Wanted& wanted, Victims& victims,
            CallWork& work) const;
  /// The worst field of one record of a bucket's image, `keep` excepted: one that has expired, if
  /// there is any.
  [[nodiscard]] std::optional<Victim> worst_of_record(const PageImage& image, std::uint32_t record,
                                                      const Names* keep, std::int64_t now_ms,
                                                      CallWork& work) const;

  /// What the worst of a page must score at least for the page to pay for its own growth. It
  /// follows the scores that pages offer, so that most pages do and hot ones let others pay.
  [[nodiscard]] float threshold() const noexcept {
    return threshold_.load(std::memory_order_relaxed);
  }
  void learn(float worst_score) noexcept;

 private:
  State& state_;
  std::atomic<float> threshold_{0};
};

}  // namespace ullage::engine
