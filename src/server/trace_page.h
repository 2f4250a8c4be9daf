// /debug/trace?seconds=N: what the server does for some seconds, for the Perfetto UI.
#pragma once

#include "command/byte_budget.h"
#include "command/services.h"
#include "server/admin_page.h"

#include <cstdint>

namespace ullage::server {

/// On the admin port's thread alone. One trace is made at a time.
class TracePages {
 public:
  static constexpr std::uint64_t k_seconds_default = 5;
  static constexpr std::uint64_t k_seconds_max = 60;

  explicit TracePages(command::Services& services) noexcept : services_(services) {}

  [[nodiscard]] AdminAnswer open(const AdminRequest& request);

 private:
  command::Services& services_;
  bool is_busy_ = false;
};

}  // namespace ullage::server
