// /debug/pprof/: profiles of the process and of the data it keeps.
#pragma once

#include <ullage/cache.h>

#include "command/byte_budget.h"
#include "command/clock.h"
#include "server/admin_page.h"

#include <string>
#include <string_view>

namespace ullage::server {

/// On the admin port's thread alone; the cache and the budget are shared.
class DebugPages final : public AdminPages {
 public:
  /// What pages hold while they are made is taken from `held`.
  DebugPages(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock) noexcept
      : cache_(cache), held_(held), clock_(clock) {}

  [[nodiscard]] AdminAnswer open(std::string_view path, std::string_view query) override;

 private:
  [[nodiscard]] AdminAnswer data(std::string_view query);

  Cache& cache_;
  command::ByteBudget& held_;
  const command::CommandClock& clock_;
};

}  // namespace ullage::server
