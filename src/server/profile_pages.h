// The pages under /debug/pprof/: profiles of the process and of the data it keeps, in the form and
// at the places that `go tool pprof` knows.
// https://pkg.go.dev/net/http/pprof
#pragma once

#include <ullage/cache.h>

#include "command/byte_budget.h"
#include "command/clock.h"
#include "server/admin_page.h"
#include "server/growth_profile.h"

#include <optional>
#include <string_view>

namespace ullage::server {

/// On the admin port's thread alone; the cache and the budget are shared.
class ProfilePages {
 public:
  static constexpr std::uint64_t k_cpu_seconds_default = 30;
  static constexpr std::uint64_t k_cpu_seconds_max = 300;

  /// What pages hold while they are made is taken from `held`.
  ProfilePages(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock,
               const GrowthProfile& growth) noexcept
      : cache_(cache), held_(held), clock_(clock), growth_(growth) {}

  /// `name`: what stands behind /debug/pprof/. None: there is no such page.
  [[nodiscard]] std::optional<AdminAnswer> open(std::string_view name, const AdminRequest& request);

 private:
  struct Row;
  static const Row k_rows[];

  [[nodiscard]] AdminAnswer index(const AdminRequest& request);
  [[nodiscard]] AdminAnswer data(const AdminRequest& request);
  [[nodiscard]] AdminAnswer growth(const AdminRequest& request);
  [[nodiscard]] AdminAnswer heap(const AdminRequest& request);
  [[nodiscard]] AdminAnswer allocs(const AdminRequest& request);
  [[nodiscard]] AdminAnswer heap_page(const AdminRequest& request, bool shows_all);
  [[nodiscard]] AdminAnswer cpu(const AdminRequest& request);
  [[nodiscard]] AdminAnswer symbol(const AdminRequest& request);
  [[nodiscard]] AdminAnswer sampling(const AdminRequest& request);
  [[nodiscard]] AdminAnswer cmdline(const AdminRequest& request);
  [[nodiscard]] std::int64_t unix_ns() const noexcept { return clock_.now_ms() * 1'000'000; }

  Cache& cache_;
  command::ByteBudget& held_;
  const command::CommandClock& clock_;
  const GrowthProfile& growth_;
};

}  // namespace ullage::server
