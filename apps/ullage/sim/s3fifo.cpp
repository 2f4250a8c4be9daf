// S3-FIFO: three queues, no moves on a hit (J. Yang and others, "FIFO queues are all you need for
// cache eviction", SOSP 2023), as published and with the settings of libCacheSim, whose figures we
// compare with: the miss ratios agree in all four digits.
//
//   miss --> small (10 %) --seen twice more--> main (90 %, second chances by a 2-bit count)
//                  \--else--> ghost (ids only, 90 %) --seen again--> main
#include "sim/queue.h"
#include "sim/simulator.h"

#include <algorithm>

namespace ullage::app {
namespace {

constexpr std::uint64_t k_small_percent = 10;
constexpr std::uint64_t k_ghost_percent = 90;
constexpr unsigned k_promotion_hits = 2;  // hits in small that earn a place in main
constexpr unsigned k_frequency_max = 3;   // two bits

class S3Fifo final : public Simulator {
 public:
  explicit S3Fifo(std::uint64_t capacity)
      : capacity_(capacity),
        small_capacity_(capacity * k_small_percent / 100),
        main_capacity_(capacity - small_capacity_),
        ghost_capacity_(capacity * k_ghost_percent / 100) {}

  bool access(std::uint64_t id, std::uint64_t cost) override {
    SimObject* object = small_.find(id);
    if (object == nullptr) object = main_.find(id);
    if (object != nullptr) {
      object->frequency = std::min(object->frequency + 1, k_frequency_max);
      return true;
    }
    const bool in_ghost = ghost_.erase(id);
    // An object as large as small would empty it. A capacity of a few entries has a small of none.
    if (cost > capacity_ || (small_capacity_ > 0 && cost >= small_capacity_ && cost > 1))
      return false;
    while (small_.used() + main_.used() + cost > capacity_)
      evict();
    (in_ghost ? main_ : small_).push({id, cost, 0});
    return false;
  }
  bool erase(std::uint64_t id) override {
    ghost_.erase(id);
    return small_.erase(id) || main_.erase(id);
  }
  [[nodiscard]] std::uint64_t entries() const override {
    return small_.entries() + main_.entries();
  }
  [[nodiscard]] std::uint64_t used() const override { return small_.used() + main_.used(); }
  [[nodiscard]] std::uint64_t evictions() const override { return evictions_; }

 private:
  void evict() {
    if (main_.used() > main_capacity_ || small_.empty()) {
      evict_from_main();
    } else {
      evict_from_small();
    }
  }

  // One object leaves the cache, unless all of small earned its place in main.
  void evict_from_small() {
    while (!small_.empty()) {
      SimObject object = small_.pop();
      if (object.frequency < k_promotion_hits) {
        remember(object);
        ++evictions_;
        return;
      }
      object.frequency = 0;
      main_.push(object);
    }
  }

  void evict_from_main() {
    for (;;) {
      SimObject object = main_.pop();
      if (object.frequency == 0) {
        ++evictions_;
        return;
      }
      --object.frequency;
      main_.push(object);
    }
  }

  void remember(const SimObject& object) {
    if (object.cost > ghost_capacity_) return;
    while (ghost_.used() + object.cost > ghost_capacity_)
      ghost_.pop();
    ghost_.push(object);
  }

  const std::uint64_t capacity_;
  const std::uint64_t small_capacity_;
  const std::uint64_t main_capacity_;
  const std::uint64_t ghost_capacity_;
  SimQueue small_;
  SimQueue main_;
  SimQueue ghost_;
  std::uint64_t evictions_ = 0;
};

}  // namespace

std::unique_ptr<Simulator> make_s3fifo(std::uint64_t capacity) {
  return std::make_unique<S3Fifo>(capacity);
}

}  // namespace ullage::app
