// Calls on groups, and on everything.
#include "cabi/handle.h"

#include <cstdint>

using ullage::Cache;
using ullage::Millis;
using ullage::cabi::answer;
using ullage::cabi::borrow;
using ullage::cabi::call;
using ullage::cabi::fail;
using ullage::cabi::hand_out;
using ullage::cabi::ttl_of;
using ullage::cabi::view;

namespace {

void append_number(std::string& out, auto number) {
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  out.append(bytes, sizeof(number));
}
std::uint32_t length(std::string_view bytes) {
  return static_cast<std::uint32_t>(bytes.size());
}

}  // namespace

ul_status ul_for_each(ul_cache* cache, ul_bytes group, ul_entry_visitor visitor, void* user,
                      ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (visitor == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the visitor is NULL");
    const auto done =
        open.for_each(view(group), [&](std::string_view field, std::string_view value) {
          visitor(user, borrow(field), borrow(value));
        });
    return done ? ul_status{UL_OK} : fail(error, done.error());
  });
}

ul_status ul_for_each_group(ul_cache* cache, ul_group_visitor visitor, void* user,
                            ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (visitor == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the visitor is NULL");
    const auto done = open.for_each_group([&](std::string_view group, std::uint64_t fields) {
      visitor(user, borrow(group), fields);
    });
    return done ? ul_status{UL_OK} : fail(error, done.error());
  });
}

ul_status ul_scan_packed(ul_cache* cache, ul_bytes group, uint64_t* cursor, size_t count,
                         ul_value** entries, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (cursor == nullptr || entries == nullptr)
      return fail(error, UL_INVALID_ARGUMENT, "the cursor or the place for entries is NULL");
    *entries = nullptr;
    std::string packed;
    const auto next =
        open.scan(view(group), *cursor, count, [&](std::string_view field, std::string_view value) {
          append_number(packed, length(field));
          append_number(packed, length(value));
          packed.append(field).append(value);
        });
    if (!next) return fail(error, next.error());
    hand_out(std::move(packed), entries);  // before the cursor moves: it may fail
    *cursor = *next;
    return ul_status{UL_OK};
  });
}

ul_status ul_scan_groups_packed(ul_cache* cache, uint64_t* cursor, size_t count, ul_value** groups,
                                ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (cursor == nullptr || groups == nullptr)
      return fail(error, UL_INVALID_ARGUMENT, "the cursor or the place for groups is NULL");
    *groups = nullptr;
    std::string packed;
    const auto next =
        open.scan_groups(*cursor, count, [&](std::string_view group, std::uint64_t fields) {
          append_number(packed, length(group));
          append_number(packed, fields);
          packed.append(group);
        });
    if (!next) return fail(error, next.error());
    hand_out(std::move(packed), groups);
    *cursor = *next;
    return ul_status{UL_OK};
  });
}

ul_status ul_erase_group(ul_cache* cache, ul_bytes group, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    return ul_status{open.erase_group(view(group)) ? UL_OK : UL_NOT_FOUND};
  });
}

ul_status ul_rename_group(ul_cache* cache, ul_bytes from, ul_bytes to, int32_t replace,
                          ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = open.rename_group(view(from), view(to), replace != 0);
    return answer(done, error);
  });
}

ul_status ul_contains_group(ul_cache* cache, ul_bytes group, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    return ul_status{open.contains_group(view(group)) ? UL_OK : UL_NOT_FOUND};
  });
}

ul_status ul_group_size(ul_cache* cache, ul_bytes group, uint64_t* fields, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (fields == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the place for fields is NULL");
    *fields = open.group_size(view(group));
    return ul_status{UL_OK};
  });
}

ul_status ul_clear(ul_cache* cache, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    open.clear();
    return ul_status{UL_OK};
  });
}

ul_status ul_expire_group(ul_cache* cache, ul_bytes group, int64_t ttl_ms, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = open.expire_group(view(group), ttl_of(ttl_ms));
    return answer(done, error);
  });
}

ul_status ul_set_memory_limit(ul_cache* cache, uint64_t bytes, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = open.set_memory_limit(bytes);
    return answer(done, error);
  });
}

ul_status ul_set_group_limits(ul_cache* cache, ul_bytes group, uint64_t max_fields,
                              uint64_t max_bytes, int64_t idle_ttl_ms, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done =
        open.set_group_limits(view(group), {max_fields, max_bytes, Millis(idle_ttl_ms)});
    return answer(done, error);
  });
}

ul_status ul_define_class(ul_cache* cache, ul_bytes pattern, const ul_class_limits* limits,
                          ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    ul_class_limits read = UL_CLASS_LIMITS_INIT;
    if (!ullage::cabi::read_versioned(limits, read))
      return fail(error, UL_INVALID_ARGUMENT, ullage::cabi::k_bad_struct);
    const auto done = open.define_class(view(pattern), {.min = read.min_bytes,
                                                        .low = read.low_bytes,
                                                        .high = read.high_bytes,
                                                        .max = read.max_bytes,
                                                        .max_fields = read.group_max_fields,
                                                        .max_bytes = read.group_max_bytes,
                                                        .idle_ttl = Millis(read.group_idle_ttl_ms),
                                                        .ttl = Millis(read.ttl_ms),
                                                        .weight = read.weight});
    return answer(done, error);
  });
}

ul_status ul_remove_class(ul_cache* cache, ul_bytes pattern, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = open.remove_class(view(pattern));
    return answer(done, error);
  });
}

ul_status ul_tick(ul_cache* cache, size_t budget, size_t* done, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const std::size_t steps = open.tick(budget);
    if (done != nullptr) *done = steps;
    return ul_status{UL_OK};
  });
}
