// The pages of the admin port: /metrics, and /debug/pprof/ with profiles of the process and of the
// data it keeps.
#pragma once

#include <ullage/cache.h>

#include "command/byte_budget.h"
#include "command/clock.h"
#include "server/admin_page.h"
#include "server/metrics_page.h"

#include <string_view>
#include <utility>

namespace ullage::server {

/// On the admin port's thread alone; the cache and the budget are shared.
class ServerPages final : public AdminPages {
 public:
  /// What pages hold while they are made is taken from `held`.
  ServerPages(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock,
              MetricsPage metrics)
      : cache_(cache), held_(held), clock_(clock), metrics_(std::move(metrics)) {}

  [[nodiscard]] AdminAnswer open(const AdminRequest& request) override;

 private:
  [[nodiscard]] AdminAnswer data(std::string_view query);

  Cache& cache_;
  command::ByteBudget& held_;
  const command::CommandClock& clock_;
  MetricsPage metrics_;
};

}  // namespace ullage::server
