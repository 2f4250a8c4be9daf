// Who holds the memory that a process has allocated, cheap enough to be asked for every few
// seconds: what a heap profile has sampled, by the innermost functions of the program itself.
#pragma once

#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace ullage::observe {

struct HeapOwner {
  std::string name;              ///< "load_settings < reload < main": who allocates, and for whom
  std::uint64_t live_bytes = 0;  ///< as estimated from samples
};

struct HeapOwnersOptions {
  std::size_t owners_max = 16;
  /// Asked whether so many bytes may be held for a moment; empty: yes.
  std::function<bool(std::size_t bytes)> may_hold{};
};

/// In steps. Not thread-safe.
class HeapOwners {
 public:
  /// Functions that a name is made of.
  static constexpr std::size_t k_frames = 3;
  /// Of so many stacks, those that hold most, the functions are looked up; once.
  static constexpr std::size_t k_stacks_max = 64;
  /// A process that is sampled so often that there is more text than this is not asked.
  static constexpr std::size_t k_dump_max_bytes = std::size_t{1} << 20;

  explicit HeapOwners(HeapOwnersOptions options = {});
  ~HeapOwners();
  HeapOwners(HeapOwners&&) noexcept;
  HeapOwners& operator=(HeapOwners&&) noexcept;

  /// What this holds, at most.
  [[nodiscard]] static std::size_t held_bytes(const HeapOwnersOptions& options) noexcept;

  /// Takes what was sampled, or looks up the functions of one of the files that are loaded. Answers
  /// whether the owners are known anew: the next call begins again. Errors: system, where nothing
  /// is sampled (heap_sampling() says why); busy, if may_hold says no.
  [[nodiscard]] Result<bool> step();
  /// The largest first. Valid until the next step.
  [[nodiscard]] std::span<const HeapOwner> owners() const noexcept;

 private:
  class Look;
  std::unique_ptr<Look> look_;
};

}  // namespace ullage::observe
