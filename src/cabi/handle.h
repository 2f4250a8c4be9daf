// What handles are, and how calls come in: checked, and with no exception out.
#pragma once

#include <ullage/c.h>
#include <ullage/cache.h>

#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct ul_cache {
  std::optional<ullage::Cache> cache;  // none once it is closed
};
struct ul_value {
  std::string bytes;
};
struct ul_clock {
  std::shared_ptr<ullage::ManualClock> clock;
};
struct ul_loaded {
  ullage::Loaded loaded;
};

namespace ullage::cabi {

[[nodiscard]] ul_status status_of(Errc code) noexcept;

/// Says why; answers the status.
ul_status fail(ul_error* error, ul_status status, std::string_view message) noexcept;
inline ul_status fail(ul_error* error, const Error& why) noexcept {
  return fail(error, status_of(why.code), why.message);
}

[[nodiscard]] inline std::string_view view(ul_bytes bytes) noexcept {
  return bytes.size == 0 ? std::string_view() : std::string_view(bytes.data, bytes.size);
}
[[nodiscard]] inline ul_bytes borrow(std::string_view bytes) noexcept {
  return {bytes.data(), bytes.size()};
}
[[nodiscard]] inline std::optional<Millis> ttl_of(std::int64_t ttl_ms) noexcept {
  if (ttl_ms == 0) return std::nullopt;
  return Millis(ttl_ms);
}

/// Reads a struct of any version: what it has not is as in `defaults`; what we do not know must be
/// zero. False: it cannot be read.
template <class T>
[[nodiscard]] bool read_versioned(const T* given, T& read) noexcept {
  if (given == nullptr) return true;
  const std::size_t size = given->struct_size;
  if (size < sizeof(std::size_t)) return false;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(T); i < size; ++i) {
    if (bytes[i] != 0) return false;
  }
  std::memcpy(&read, given, size < sizeof(T) ? size : sizeof(T));
  return true;
}
inline constexpr std::string_view k_bad_struct =
    "struct_size is none of this library's, or says of fields that it does not know";

/// Runs a call on an open cache: work(Cache&) answers a ul_status.
template <class Work>
ul_status call(ul_cache* cache, ul_error* error, Work&& work) noexcept {
  if (cache == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the cache is NULL");
  if (!cache->cache) return fail(error, UL_CLOSED, "the cache is closed");
  try {
    return work(*cache->cache);
  } catch (const std::bad_alloc&) {
    return fail(error, UL_OUT_OF_MEMORY, "there is no memory outside the cache");
  } catch (const std::exception& thrown) {
    return fail(error, UL_SYSTEM, thrown.what());
  } catch (...) {
    return fail(error, UL_SYSTEM, "something was thrown");
  }
}

/// What a call answers that did something or failed, and one that found something, did not, or
/// failed.
inline ul_status answer(const Result<void>& done, ul_error* error) noexcept {
  return done ? ul_status{UL_OK} : fail(error, done.error());
}
inline ul_status answer(const Result<bool>& found, ul_error* error) noexcept {
  if (!found) return fail(error, found.error());
  return *found ? UL_OK : UL_NOT_FOUND;
}

/// Hands bytes out to the caller. `to` must be set.
inline ul_status hand_out(std::string bytes, ul_value** to) {
  *to = new ul_value{std::move(bytes)};
  return UL_OK;
}

[[nodiscard]] inline bool set_options_of(const ul_set_options* given,
                                         SetOptions& options) noexcept {
  ul_set_options read = UL_SET_OPTIONS_INIT;
  if (!read_versioned(given, read) || read.condition < UL_ALWAYS || read.condition > UL_IF_PRESENT)
    return false;
  options.ttl = ttl_of(read.ttl_ms);
  options.keep_ttl = read.keep_ttl != 0;
  options.condition = static_cast<Condition>(read.condition);
  return true;
}
inline constexpr std::string_view k_bad_set_options =
    "the set options have no struct_size of this library's, or no condition";

static_assert(static_cast<int>(Condition::always) == UL_ALWAYS &&
              static_cast<int>(Condition::if_absent) == UL_IF_ABSENT &&
              static_cast<int>(Condition::if_present) == UL_IF_PRESENT);
static_assert(static_cast<int>(RemovalCause::evicted) == UL_CAUSE_EVICTED &&
              static_cast<int>(RemovalCause::expired) == UL_CAUSE_EXPIRED &&
              static_cast<int>(RemovalCause::replaced) == UL_CAUSE_REPLACED &&
              static_cast<int>(RemovalCause::erased) == UL_CAUSE_ERASED &&
              static_cast<int>(RemovalCause::limit) == UL_CAUSE_LIMIT && k_removal_causes == 5);

}  // namespace ullage::cabi
