// The rows of every family of commands: one function a file.
#pragma once

#include "command/row.h"

#include <span>

namespace ullage::command {

std::span<const Row> hash_rows() noexcept;
std::span<const Row> hash_walk_rows() noexcept;
std::span<const Row> hash_ttl_rows() noexcept;
std::span<const Row> string_rows() noexcept;
std::span<const Row> string_edit_rows() noexcept;
std::span<const Row> json_rows() noexcept;
std::span<const Row> key_rows() noexcept;
std::span<const Row> keyspace_rows() noexcept;
std::span<const Row> expiry_rows() noexcept;
std::span<const Row> transaction_rows() noexcept;
std::span<const Row> pubsub_rows() noexcept;
std::span<const Row> connection_rows() noexcept;
std::span<const Row> client_rows() noexcept;
std::span<const Row> acl_rows() noexcept;
std::span<const Row> server_rows() noexcept;
std::span<const Row> diagnostic_rows() noexcept;
std::span<const Row> memory_rows() noexcept;
std::span<const Row> class_rows() noexcept;
std::span<const Row> dump_rows() noexcept;
std::span<const Row> introspection_rows() noexcept;

}  // namespace ullage::command
