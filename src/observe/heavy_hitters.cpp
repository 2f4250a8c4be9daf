#include "observe/heavy_hitters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <utility>

namespace ullage::observe {

namespace {
/// The name itself, or its beginning and a hash.
std::string_view kept_name(std::string_view name,
                           std::array<char, HeavyHitters::k_name_max_bytes>& buffer) {
  if (name.size() <= buffer.size()) return name;
  constexpr std::size_t k_mark_bytes = 1 + 16;
  char* const end = buffer.data() + buffer.size();
  char* at = std::ranges::copy(name.substr(0, buffer.size() - k_mark_bytes), buffer.data()).out;
  *at++ = '~';
  at = std::to_chars(at, end, std::hash<std::string_view>()(name), 16).ptr;
  return {buffer.data(), static_cast<std::size_t>(at - buffer.data())};
}
}  // namespace

void HeavyHitters::put(std::size_t place, std::size_t one) {
  heap_[place] = one;
  places_[one] = place;
}

void HeavyHitters::sink(std::size_t place) {
  const std::size_t one = heap_[place];
  while (true) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && ones_[heap_[child + 1]].amount < ones_[heap_[child]].amount)
      ++child;
    if (ones_[one].amount <= ones_[heap_[child]].amount) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, one);
}

void HeavyHitters::rise(std::size_t place) {
  const std::size_t one = heap_[place];
  while (place != 0) {
    const std::size_t parent = (place - 1) / 2;
    if (ones_[heap_[parent]].amount <= ones_[one].amount) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, one);
}

void HeavyHitters::add(std::string_view full_name, std::uint64_t amount, const Counts& counts) {
  std::array<char, k_name_max_bytes> buffer;
  const std::string_view name = kept_name(full_name, buffer);
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    One& one = ones_[found->second];
    one.amount += amount;
    one.counts += counts;
    sink(places_[found->second]);
    return;
  }
  if (ones_.size() < counters_max_) {
    if (ones_.empty()) ones_.reserve(counters_max_);  // names must not move
    const std::size_t number = ones_.size();
    One& one = ones_.emplace_back();
    one.name.reserve(k_name_max_bytes);
    one.name = name;
    one.amount = amount;
    one.counts = counts;
    by_name_.emplace(one.name, number);
    places_.push_back(number);
    heap_.push_back(number);
    rise(number);
    return;
  }
  if (counters_max_ == 0) return;
  // Takes the place of the smallest, and might be what that was.
  const std::size_t number = heap_.front();
  One& one = ones_[number];
  by_name_.erase(one.name);
  one.error = one.amount;
  one.amount += amount;
  one.counts = counts;
  one.name = name;
  by_name_.emplace(one.name, number);
  sink(0);
}

std::vector<HeavyHitters::One> HeavyHitters::largest(std::size_t most) const {
  std::vector<One> all = ones_;
  std::ranges::sort(all, std::greater<>{},
                    [](const One& one) { return std::pair(one.certain(), one.amount); });
  if (all.size() > most) all.resize(most);
  return all;
}

void HeavyHitters::clear() {
  by_name_.clear();
  ones_.clear();
  heap_.clear();
  places_.clear();
}

}  // namespace ullage::observe
