// What systemd, or who speaks as it does, passes to a service and is told by it: sockets that are
// already listening (sd_listen_fds(3)), and when the service is ready (sd_notify(3)).
#pragma once

#include "server/descriptor.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::server {

struct PassedSocket {
  Descriptor socket;
  std::string name;  ///< FileDescriptorName=; "unknown" where none was given
};

class ServiceManager {
 public:
  /// Nobody: no sockets, and nobody to tell.
  ServiceManager() = default;
  /// As the environment says. Takes its variables away, so that they are not for children too.
  static ServiceManager from_environment();

  /// Each once.
  [[nodiscard]] std::vector<PassedSocket> take_sockets() { return std::move(sockets_); }
  /// Does nothing if nobody listens.
  void tell(std::string_view state) const noexcept;

 private:
  std::vector<PassedSocket> sockets_;
  std::string notify_path_;
};

}  // namespace ullage::server
