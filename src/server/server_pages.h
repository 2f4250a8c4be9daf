// The pages of the admin port: /metrics, and what is under /debug.
#pragma once

#include <ullage/cache.h>

#include "command/byte_budget.h"
#include "command/clock.h"
#include "server/admin_page.h"
#include "server/metrics_page.h"
#include "server/profile_pages.h"

#include <utility>

namespace ullage::server {

/// On the admin port's thread alone; the cache and the budget are shared.
class ServerPages final : public AdminPages {
 public:
  /// What pages hold while they are made is taken from `held`.
  ServerPages(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock,
              MetricsPage metrics)
      : profiles_(cache, held, clock), metrics_(std::move(metrics)) {}

  [[nodiscard]] AdminAnswer open(const AdminRequest& request) override;

 private:
  ProfilePages profiles_;
  MetricsPage metrics_;
};

}  // namespace ullage::server
