// Where connections lie: the memory of a client that has gone is the next one's.
#pragma once

#include <ullage/pool.h>

#include "server/connection.h"

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace ullage::server {

struct ConnectionMemory {
  alignas(Connection) std::byte bytes[sizeof(Connection)];
};
using ConnectionPool = Pool<ConnectionMemory>;

/// Ends a connection and gives its memory back.
class EndConnection {
 public:
  EndConnection() noexcept = default;
  explicit EndConnection(Lease<ConnectionMemory> memory) noexcept : memory_(std::move(memory)) {}
  void operator()(Connection* connection) noexcept {
    std::destroy_at(connection);
    memory_.reset();
  }

 private:
  Lease<ConnectionMemory> memory_;
};
using ConnectionPtr = std::unique_ptr<Connection, EndConnection>;

template <class... Arguments>
ConnectionPtr make_connection(ConnectionPool& pool, Arguments&&... arguments) {
  Lease<ConnectionMemory> memory = pool.lease();
  auto* const connection = new (memory->bytes) Connection(std::forward<Arguments>(arguments)...);
  return {connection, EndConnection(std::move(memory))};
}

}  // namespace ullage::server
