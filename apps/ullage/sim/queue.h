// A queue of objects that finds each of them by id: what the simulators are made of.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

namespace ullage::app {

struct SimObject {
  std::uint64_t id = 0;
  std::uint64_t cost = 0;
  unsigned frequency = 0;
};

/// Oldest at the front. All operations are O(1) expected.
class SimQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return order_.empty(); }
  [[nodiscard]] std::uint64_t entries() const noexcept { return order_.size(); }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_; }

  /// The object, or null. Valid until it leaves the queue.
  SimObject* find(std::uint64_t id) {
    const auto found = places_.find(id);
    return found == places_.end() ? nullptr : &*found->second;
  }
  /// REQUIRES: no object with this id is in the queue.
  void push(const SimObject& object) {
    order_.push_back(object);
    places_.emplace(object.id, std::prev(order_.end()));
    used_ += object.cost;
  }
  /// REQUIRES: !empty().
  SimObject pop() {
    const SimObject object = order_.front();
    erase(object.id);
    return object;
  }
  void move_to_back(std::uint64_t id) { order_.splice(order_.end(), order_, places_.at(id)); }
  bool erase(std::uint64_t id) {
    const auto found = places_.find(id);
    if (found == places_.end()) return false;
    used_ -= found->second->cost;
    order_.erase(found->second);
    places_.erase(found);
    return true;
  }

 private:
  std::list<SimObject> order_;
  std::unordered_map<std::uint64_t, std::list<SimObject>::iterator> places_;
  std::uint64_t used_ = 0;
};

}  // namespace ullage::app
