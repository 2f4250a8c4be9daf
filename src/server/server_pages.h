// The pages of the admin port: /metrics, and what is under /debug.
#pragma once

#include "command/services.h"
#include "server/admin_page.h"
#include "server/metrics_page.h"
#include "server/profile_pages.h"
#include "server/trace_page.h"

#include <utility>

namespace ullage::server {

/// On the admin port's thread alone; the cache and the budget are shared.
class ServerPages final : public AdminPages {
 public:
  /// What pages hold while they are made is taken from what clients may hold.
  ServerPages(command::Services& services, MetricsPage metrics)
      : services_(services),
        profiles_(services.cache, services.held, services.clock,
                  metrics.sources().lookout.growth()),
        traces_(services),
        metrics_(std::move(metrics)) {}

  [[nodiscard]] AdminAnswer open(const AdminRequest& request) override;
  [[nodiscard]] const MetricsPage::Sources& sources() const noexcept { return metrics_.sources(); }

 private:
  command::Services& services_;
  ProfilePages profiles_;
  TracePages traces_;
  MetricsPage metrics_;
};

}  // namespace ullage::server
