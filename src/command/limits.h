// Limits of the commands, with their relations.
#pragma once

#include <ullage/limits.h>

#include "resp/limits.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ullage::command {

/// The version of Redis whose behaviour clients may expect: they ask before they use times to live
/// of fields, or keep copies. Ours is in INFO.
inline constexpr std::string_view k_redis_version = "7.4.0";

/// Databases that SELECT knows: 0 to 15.
inline constexpr unsigned k_databases = 16;

/// What one command does to the fields of a group it does as one step, up to so many of them;
/// beyond, it answers an error that points to HSCAN.
inline constexpr std::size_t k_atomic_fields_max = 1'000'000;

/// What SCAN and its kind look at in one call, whatever COUNT says.
inline constexpr std::size_t k_scan_count_max = 10'000;

/// The longest key that a client may name: what a group's name has left when it bears its
/// database. Those of database 0 that begin with no zero byte may be two bytes longer.
inline constexpr std::size_t k_key_mark_bytes = 2;
/// A field that begins with a zero byte has one more in front.
inline constexpr std::size_t k_field_mark_bytes = 1;

static_assert(k_atomic_fields_max >= 100'000, "promised: never below");
static_assert(k_key_mark_bytes < k_name_max_bytes);

}  // namespace ullage::command
