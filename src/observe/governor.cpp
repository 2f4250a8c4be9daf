#include <ullage/observe/governor.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

namespace ullage::observe {

namespace {
std::size_t part_of(std::uint64_t whole, double percent) noexcept {
  return static_cast<std::size_t>(static_cast<double>(whole) * percent / 100);
}
}  // namespace

std::string_view to_string(GovernorStage stage) noexcept {
  constexpr std::array<std::string_view, 4> k_names{"calm", "give", "purge", "refuse"};
  return k_names[static_cast<std::size_t>(stage)];
}

Governor::Governor(const GovernorOptions& options) noexcept : options_(options) {
  last_.cache_bytes = options.most_bytes;
}

void Governor::set_most_bytes(std::size_t bytes) noexcept {
  // What was given up stays so until it is calm.
  const bool gave_up = last_.cache_bytes < options_.most_bytes;
  options_.most_bytes = bytes;
  last_.cache_bytes = gave_up ? std::min(last_.cache_bytes, bytes) : bytes;
}

// Once it is tight, it stays so until it is clearly less: what is given at one look is not taken
// back at the next.
GovernorStage Governor::stage_of(double use_percent) const noexcept {
  constexpr double k_slack_percent = 2;
  GovernorStage stage = GovernorStage::calm;
  const auto reach = [&](GovernorStage one, double at_percent) {
    const double slack = last_.stage >= one ? k_slack_percent : 0;
    if (use_percent >= at_percent - slack) stage = one;
  };
  reach(GovernorStage::give, k_give_percent);
  reach(GovernorStage::purge, k_purge_percent);
  reach(GovernorStage::refuse, k_refuse_percent);
  return stage;
}

GovernorOrder Governor::look(const ContainerMemory& seen, std::size_t charged_bytes,
                             std::int64_t now_ms) {
  GovernorOrder order;
  order.cache_bytes = last_.cache_bytes;
  const bool is_same = seen.path == path_;
  if (groups_ != 0 && (seen.version == 0 || (is_same && seen.groups < groups_))) {
    // Nobody is refused for what nobody sees; what is seen next is no news of that moment.
    order.is_blind = true;
    calm_since_ms_ = now_ms;
    return last_ = order;
  }
  // The counter goes back if the process is moved to another group.
  const bool was_hit = has_looked_ && !last_.is_blind && seen.limit_hits > limit_hits_;
  limit_hits_ = seen.limit_hits;
  if (!has_looked_) calm_since_ms_ = now_ms;
  has_looked_ = true;
  path_ = seen.path;
  groups_ = is_same ? std::max(groups_, seen.groups) : seen.groups;
  if (!seen.is_bounded()) {
    order.cache_bytes = options_.most_bytes;
    return last_ = order;
  }
  const std::uint64_t limit = seen.tightest_limit;
  const std::uint64_t used = seen.tightest_used;
  order.use_percent = 100 * static_cast<double>(used) / static_cast<double>(limit);
  order.stage = stage_of(order.use_percent);
  // Files alone make the kernel look for memory, too: that counts where there is little else.
  if (order.use_percent >= k_aim_percent) {
    order.kernel_was_short = was_hit;
    order.tasks_waited = seen.pressure_percent >= k_pressure_percent;
    if ((order.kernel_was_short || order.tasks_waited) && order.stage != GovernorStage::refuse)
      order.stage = static_cast<GovernorStage>(static_cast<int>(order.stage) + 1);
  }

  if (order.stage != GovernorStage::calm) {
    calm_since_ms_ = now_ms;
    const std::size_t aim = part_of(limit, k_aim_percent);
    const std::size_t over = used > aim ? static_cast<std::size_t>(used) - aim : 0;
    const std::size_t kept = charged_bytes - std::min(charged_bytes, over);
    order.cache_bytes = std::clamp(kept, std::min(options_.least_bytes, options_.most_bytes),
                                   std::max(last_.cache_bytes, options_.least_bytes));
  } else if (order.use_percent >= k_calm_percent) {
    calm_since_ms_ = now_ms;
  } else if (order.cache_bytes < options_.most_bytes && now_ms - calm_since_ms_ >= k_calm_ms &&
             now_ms - grown_ms_ >= 1000) {
    // What it may take already and has not taken yet comes first.
    const std::size_t unused = order.cache_bytes - std::min(order.cache_bytes, charged_bytes);
    const std::size_t calm = part_of(limit, k_calm_percent);
    const std::size_t room = calm - std::min<std::size_t>(calm, used + unused);
    const std::size_t step = std::max<std::size_t>(options_.most_bytes / k_growth_share, 1);
    order.cache_bytes = std::min(options_.most_bytes, order.cache_bytes + std::min(room, step));
    grown_ms_ = now_ms;
  }
  return last_ = order;
}

std::int64_t Governor::wait_ms() const noexcept {
  constexpr std::int64_t k_rarely_ms = 1000;
  constexpr std::int64_t k_often_ms = 100;
  constexpr double k_tight_percent = 70;
  return last_.use_percent >= k_tight_percent ? k_often_ms : k_rarely_ms;
}

std::size_t container_share_bytes(const ContainerMemory& seen, unsigned percent,
                                  const std::string& root) {
  if (seen.is_bounded()) return part_of(seen.bound(), percent);
  std::ifstream file(root + "/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  std::string unit;
  while (file >> name >> kib) {
    if (name == "MemTotal:") return part_of(kib * 1024, percent);
    std::getline(file, unit);
  }
  return 0;
}

}  // namespace ullage::observe
