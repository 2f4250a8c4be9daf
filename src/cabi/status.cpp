#include "cabi/handle.h"

#include <algorithm>
#include <array>

namespace ullage::cabi {

namespace {

struct Row {
  ul_status status;
  const char* name;
};
// In the order of Errc.
constexpr std::array k_of_errc = {
    Row{UL_INVALID_ARGUMENT, "invalid_argument"},
    Row{UL_LIMIT_TOO_SMALL, "limit_too_small"},
    Row{UL_LIMIT_TOO_LARGE, "limit_too_large"},
    Row{UL_NAME_TOO_LONG, "name_too_long"},
    Row{UL_VALUE_TOO_LONG, "value_too_long"},
    Row{UL_TTL_OUT_OF_RANGE, "ttl_out_of_range"},
    Row{UL_BATCH_TOO_LARGE, "batch_too_large"},
    Row{UL_GROUP_TOO_LARGE, "group_too_large"},
    Row{UL_NO_ROOM, "no_room"},
    Row{UL_MISSING, "missing"},
    Row{UL_EXISTS, "exists"},
    Row{UL_NOT_A_NUMBER, "not_a_number"},
    Row{UL_OUT_OF_RANGE, "out_of_range"},
    Row{UL_BUSY, "busy"},
    Row{UL_REENTERED, "reentered"},
    Row{UL_LOAD_FAILED, "load_failed"},
    Row{UL_SYSTEM, "system"},
    Row{UL_BAD_ENCODING, "bad_encoding"},
    Row{UL_BAD_JSON, "bad_json"},
    Row{UL_BAD_POINTER, "bad_pointer"},
    Row{UL_BAD_PATCH, "bad_patch"},
    Row{UL_PATCH_FAILED, "patch_failed"},
    Row{UL_TOO_DEEP, "too_deep"},
    Row{UL_TOO_MANY_LEAVES, "too_many_leaves"},
    Row{UL_PATH_TOO_LONG, "path_too_long"},
    Row{UL_WRONG_TYPE, "wrong_type"},
    Row{UL_WRONG_KIND, "wrong_kind"},
};
constexpr std::array k_others = {
    Row{UL_OK, "ok"},
    Row{UL_NOT_FOUND, "not_found"},
    Row{UL_UNCHANGED, "unchanged"},
    Row{UL_CLOSED, "closed"},
    Row{UL_OUT_OF_MEMORY, "out_of_memory"},
};
static_assert(k_of_errc.size() == static_cast<std::size_t>(Errc::wrong_kind) + 1);

}  // namespace

ul_status status_of(Errc code) noexcept {
  return k_of_errc[static_cast<std::size_t>(code)].status;
}

ul_status fail(ul_error* error, ul_status status, std::string_view message) noexcept {
  if (error == nullptr) return status;
  error->status = status;
  const std::size_t size = std::min(message.size(), std::size_t{UL_MESSAGE_BYTES} - 1);
  if (size != 0) std::memcpy(error->message, message.data(), size);
  error->message[size] = '\0';
  return status;
}

}  // namespace ullage::cabi

using ullage::cabi::k_of_errc;
using ullage::cabi::k_others;

const char* ul_status_name(ul_status status) {
  for (const auto& row : k_of_errc) {
    if (row.status == status) return row.name;
  }
  for (const auto& row : k_others) {
    if (row.status == status) return row.name;
  }
  return "unknown";
}

int32_t ul_abi_version(void) {
  return UL_ABI_VERSION;
}
const char* ul_version(void) {
  return ULLAGE_VERSION;
}

ul_bytes ul_value_bytes(const ul_value* value) {
  return value == nullptr ? ul_bytes{} : ullage::cabi::borrow(value->bytes);
}
void ul_value_free(ul_value* value) {
  delete value;
}

ul_clock* ul_clock_manual(int64_t start_ms) {
  try {
    return new ul_clock{std::make_shared<ullage::ManualClock>(start_ms)};
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void ul_clock_advance(ul_clock* clock, int64_t by_ms) {
  if (clock != nullptr && by_ms > 0) clock->clock->advance(ullage::Millis(by_ms));
}
void ul_clock_free(ul_clock* clock) {
  delete clock;
}
