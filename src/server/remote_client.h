// A connected client as other threads see it.
#pragma once

#include "command/client.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace ullage::server {

class IoThread;

class RemoteClient final : public command::Client {
 public:
  /// `thread` serves it, and outlives everything that refers to it.
  RemoteClient(IoThread& thread, std::uint64_t id, std::string address, std::string local_address,
               std::int64_t since_ms);

  void close() noexcept override;
  void push(std::shared_ptr<const std::string> bytes) override;

 private:
  IoThread& thread_;
  std::atomic<bool> is_flooded_{false};  // it will be closed
};

}  // namespace ullage::server
