#include "server/remote_client.h"

#include "server/io_thread.h"

#include <utility>

namespace ullage::server {

RemoteClient::RemoteClient(IoThread& thread, std::uint64_t id, std::string address,
                           std::string local_address, std::int64_t since_ms)
    : Client(id, std::move(address), std::move(local_address), since_ms), thread_(thread) {}

void RemoteClient::close() noexcept {
  thread_.close_client(id());
}

void RemoteClient::push(std::shared_ptr<const std::string> bytes) {
  // Once: while its thread is busy, each refusal would leave another task to it.
  if (is_flooded_.load(std::memory_order_relaxed)) return;
  if (!thread_.push(id(), std::move(bytes)) && !is_flooded_.exchange(true))
    thread_.close_flooded(id());
}

}  // namespace ullage::server
