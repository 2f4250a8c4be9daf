#include <ullage/observe/heap_owners.h>

#include "observe/heap_samples.h"
#include "observe/loaded_code.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace ullage::observe {

namespace {
constexpr std::size_t k_name_max_bytes = 256;
constexpr std::size_t k_function_max_bytes = 80;
/// Stacks whose names are kept.
constexpr std::size_t k_known_max = 4 * HeapOwners::k_stacks_max;
/// Calls of a stack that tell it from others, the innermost.
constexpr std::size_t k_calls_max = 32;
constexpr std::size_t k_stack_bytes = k_calls_max * 8 + 256;  // with what a table takes

/// A function without its arguments, those of its templates, and namespaces that have no name.
std::string short_name(std::string_view function) {
  std::string name;
  int depth = 0;
  constexpr std::string_view k_anonymous = "(anonymous namespace)::";
  for (std::size_t i = 0; i < function.size(); ++i) {
    const char c = function[i];
    if (depth == 0 && function.substr(i).starts_with(k_anonymous)) {
      i += k_anonymous.size() - 1;
      continue;
    }
    if (c == '(' && depth == 0) break;
    if (c == '<') ++depth;
    if (depth == 0) name += c;
    if (c == '>' && depth > 0) --depth;
  }
  if (name.empty()) name = function;
  if (name.size() > k_function_max_bytes) name.resize(k_function_max_bytes);
  return name;
}

std::string name_of(const CodeNames& names, std::span<const std::uint64_t> calls) {
  std::string text;
  std::size_t told = 0;
  for (const std::uint64_t call : calls.subspan(frames_to_trim(names, calls))) {
    if (told == HeapOwners::k_frames) break;
    const std::string_view function = names.name(call);
    if (function.empty()) continue;
    text += told++ == 0 ? "" : " < ";
    text += short_name(function);
  }
  return text.empty() ? "code without names" : text;
}
}  // namespace

class HeapOwners::Look {
 public:
  explicit Look(HeapOwnersOptions options) : options_(std::move(options)) {}

  Result<bool> step() {
    if (!names_) {
      if (auto begun = begin(); !begun) return begun.error();
      if (names_) return false;
    } else if (!names_->step()) {
      return false;
    }
    tell();
    return true;
  }
  [[nodiscard]] std::span<const HeapOwner> owners() const noexcept { return owners_; }

 private:
  using Calls = std::vector<std::uint64_t>;
  struct Stack {
    Calls calls;
    double live_bytes = 0;
  };

  Result<void> begin() {
    if (const char* const problem = sampling_problem()) return Error{Errc::system, problem};
    auto dump = take_heap_dump(k_dump_max_bytes, options_.may_hold);
    if (!dump) return dump.error();
    stacks_.clear();
    for (HeapStack& stack : dump->stacks) {
      const double bytes =
          unsampled(stack.counts.live_objects, stack.counts.live_bytes, dump->sample_bytes).bytes;
      if (bytes <= 0) continue;
      for (std::uint64_t& address : stack.addresses)
        address = call_before(address);
      if (stack.addresses.size() > k_calls_max) {
        stack.addresses.resize(k_calls_max);
        stack.addresses.shrink_to_fit();
      }
      stacks_.push_back({.calls = std::move(stack.addresses), .live_bytes = bytes});
    }
    std::ranges::sort(stacks_, std::greater<>{}, &Stack::live_bytes);
    if (stacks_.size() > k_stacks_max) stacks_.resize(k_stacks_max);
    if (known_.size() + stacks_.size() > k_known_max) known_.clear();
    for (const Stack& stack : stacks_) {
      if (known_.contains(stack.calls)) continue;
      if (!names_) names_.emplace();
      for (const std::uint64_t call : stack.calls)
        names_->add(call);
    }
    return {};
  }

  void tell() {
    std::map<std::string, double, std::less<>> sums;
    for (const Stack& stack : stacks_) {
      auto known = known_.find(stack.calls);
      if (known == known_.end() && names_)
        known = known_.emplace(stack.calls, name_of(*names_, stack.calls)).first;
      if (known != known_.end()) sums[known->second] += stack.live_bytes;
    }
    names_.reset();
    stacks_.clear();
    owners_.clear();
    for (const auto& [name, bytes] : sums)
      owners_.push_back({.name = name, .live_bytes = static_cast<std::uint64_t>(bytes)});
    std::ranges::sort(owners_, std::greater<>{}, &HeapOwner::live_bytes);
    if (owners_.size() > options_.owners_max) owners_.resize(options_.owners_max);
  }

  HeapOwnersOptions options_;
  std::vector<Stack> stacks_;       // the largest first, while they are looked up
  std::optional<CodeNames> names_;  // of those that were not known
  std::map<Calls, std::string> known_;
  std::vector<HeapOwner> owners_;
};

HeapOwners::HeapOwners(HeapOwnersOptions options)
    : look_(std::make_unique<Look>(std::move(options))) {}
HeapOwners::~HeapOwners() = default;
HeapOwners::HeapOwners(HeapOwners&&) noexcept = default;
HeapOwners& HeapOwners::operator=(HeapOwners&&) noexcept = default;

std::size_t HeapOwners::held_bytes(const HeapOwnersOptions& options) noexcept {
  return k_known_max * (k_stack_bytes + k_name_max_bytes) +
         options.owners_max * (k_name_max_bytes + sizeof(HeapOwner));
}

Result<bool> HeapOwners::step() {
  return look_->step();
}
std::span<const HeapOwner> HeapOwners::owners() const noexcept {
  return look_->owners();
}

}  // namespace ullage::observe
