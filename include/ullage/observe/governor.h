// Keeps a process within what its container may take: says when a cache in it should give memory
// up, before the kernel kills, and when it may have it back.
//
// It only says so. Whoever runs it looks at the container every governor_wait_ms(), hands over what
// was seen, and does what the order says: on a loop of its own, without a thread.
//
//   use    of the limit      what is ordered
//   97 %   k_refuse          no new clients, besides
//   92 %   k_purge           the allocator gives back what is free, besides
//   85 %   k_give            the cache gives up what is above 80 %
//   80 %   k_aim
//   75 %   k_calm            below it for a while, the cache grows again, a little at a time
//
// Use is what is charged, less files that the kernel drops before anything else, of the group, of
// those around it, where it is largest. A kernel that has had to look for memory, or tasks that
// waited for it (PSI), count as the next stage.
#pragma once

#include <ullage/observe/container.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ullage::observe {

enum class GovernorStage : std::uint8_t { calm, give, purge, refuse };
/// "calm", "give", "purge", "refuse".
[[nodiscard]] std::string_view to_string(GovernorStage stage) noexcept;

struct GovernorOptions {
  std::size_t most_bytes = 0;   ///< what the cache may take while nothing presses
  std::size_t least_bytes = 0;  ///< what it keeps, whatever presses
};

struct GovernorOrder {
  GovernorStage stage = GovernorStage::calm;
  std::size_t cache_bytes = 0;  ///< what the cache may take from now on
  double use_percent = 0;       ///< of the limit; 0 if there is none
  /// What counted as the next stage.
  bool kernel_was_short = false;
  bool tasks_waited = false;
  /// The container was known, and cannot be read any more: the cache stays as it was.
  bool is_blind = false;
};

/// Not thread-safe.
class Governor {
 public:
  static constexpr double k_refuse_percent = 97;
  static constexpr double k_purge_percent = 92;
  static constexpr double k_give_percent = 85;
  static constexpr double k_aim_percent = 80;
  static constexpr double k_calm_percent = 75;
  /// Tasks that waited for memory in so much of the last ten seconds.
  static constexpr double k_pressure_percent = 10;
  static constexpr std::int64_t k_calm_ms = 30'000;
  /// Growth: at most this share of most_bytes a second.
  static constexpr std::size_t k_growth_share = 16;

  explicit Governor(const GovernorOptions& options) noexcept;

  /// `most_bytes` of the options, from now on.
  void set_most_bytes(std::size_t bytes) noexcept;

  /// `charged_bytes`: what the cache takes now. Without a limit the order is `most_bytes`;
  /// where the container was known and cannot be read any more, or a group around it, the last one
  /// stays.
  GovernorOrder look(const ContainerMemory& seen, std::size_t charged_bytes, std::int64_t now_ms);
  /// How long until the next look: more often where it is tight.
  [[nodiscard]] std::int64_t wait_ms() const noexcept;
  [[nodiscard]] const GovernorOrder& last() const noexcept { return last_; }

 private:
  [[nodiscard]] GovernorStage stage_of(double use_percent) const noexcept;

  GovernorOptions options_;
  GovernorOrder last_;
  std::uint64_t limit_hits_ = 0;
  bool has_looked_ = false;
  std::string path_;     // of the container that was seen last
  unsigned groups_ = 0;  // of it and around it, at most; 0: there never was one
  std::int64_t calm_since_ms_ = 0;
  std::int64_t grown_ms_ = 0;
};

/// What a process should take of what it may: the limit of its container, or what the machine has,
/// times `percent`. 0 if neither is known. `root` as in container_memory().
[[nodiscard]] std::size_t container_share_bytes(const ContainerMemory& seen, unsigned percent,
                                                const std::string& root = "/");

}  // namespace ullage::observe
