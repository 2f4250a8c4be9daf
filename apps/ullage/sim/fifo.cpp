// First in, first out: hits change nothing.
#include "sim/queue.h"
#include "sim/simulator.h"

namespace ullage::app {
namespace {

class Fifo final : public Simulator {
 public:
  explicit Fifo(std::uint64_t capacity) : capacity_(capacity) {}

  bool access(std::uint64_t id, std::uint64_t cost) override {
    if (queue_.find(id) != nullptr) return true;
    if (cost > capacity_) return false;
    while (queue_.used() + cost > capacity_) {
      queue_.pop();
      ++evictions_;
    }
    queue_.push({id, cost, 0});
    return false;
  }
  bool erase(std::uint64_t id) override { return queue_.erase(id); }
  [[nodiscard]] std::uint64_t entries() const override { return queue_.entries(); }
  [[nodiscard]] std::uint64_t used() const override { return queue_.used(); }
  [[nodiscard]] std::uint64_t evictions() const override { return evictions_; }

 private:
  const std::uint64_t capacity_;
  SimQueue queue_;
  std::uint64_t evictions_ = 0;
};

}  // namespace

std::unique_ptr<Simulator> make_fifo(std::uint64_t capacity) {
  return std::make_unique<Fifo>(capacity);
}

}  // namespace ullage::app
