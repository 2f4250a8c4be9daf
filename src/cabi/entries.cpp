// Calls on one entry.
#include "cabi/handle.h"

using ullage::Cache;
using ullage::cabi::answer;
using ullage::cabi::borrow;
using ullage::cabi::call;
using ullage::cabi::fail;
using ullage::cabi::hand_out;
using ullage::cabi::ttl_of;
using ullage::cabi::view;

ul_status ul_set(ul_cache* cache, ul_bytes group, ul_bytes field, ul_bytes value,
                 const ul_set_options* options, int32_t* outcome, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    ullage::SetOptions read;
    if (!ullage::cabi::set_options_of(options, read))
      return fail(error, UL_INVALID_ARGUMENT, ullage::cabi::k_bad_set_options);
    const auto done = open.set(view(group), view(field), view(value), read);
    if (!done) return fail(error, done.error());
    if (*done == ullage::SetOutcome::unchanged) return ul_status{UL_UNCHANGED};
    if (outcome != nullptr)
      *outcome = *done == ullage::SetOutcome::inserted ? UL_INSERTED : UL_REPLACED;
    return ul_status{UL_OK};
  });
}

ul_status ul_get(ul_cache* cache, ul_bytes group, ul_bytes field, ul_value** value,
                 ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (value == nullptr)
      return fail(error, UL_INVALID_ARGUMENT, "the place for the value is NULL");
    *value = nullptr;
    const auto found = open.get(view(group), view(field));
    if (!found) return ul_status{UL_NOT_FOUND};
    return hand_out(found->str(), value);
  });
}

ul_status ul_get_into(ul_cache* cache, ul_bytes group, ul_bytes field, char* buffer,
                      size_t capacity, size_t* size, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (size == nullptr || (buffer == nullptr && capacity != 0))
      return fail(error, UL_INVALID_ARGUMENT, "the buffer or the place for the size is NULL");
    const auto found = open.get_into(view(group), view(field), {buffer, capacity});
    if (!found) return ul_status{UL_NOT_FOUND};
    *size = *found;
    return ul_status{UL_OK};
  });
}

ul_status ul_visit(ul_cache* cache, ul_bytes group, ul_bytes field, ul_visitor visitor, void* user,
                   ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (visitor == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the visitor is NULL");
    const auto found = open.visit(view(group), view(field),
                                  [&](std::string_view bytes) { visitor(user, borrow(bytes)); });
    return answer(found, error);
  });
}

ul_status ul_contains(ul_cache* cache, ul_bytes group, ul_bytes field, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    return ul_status{open.contains(view(group), view(field)) ? UL_OK : UL_NOT_FOUND};
  });
}

ul_status ul_value_size(ul_cache* cache, ul_bytes group, ul_bytes field, size_t* size,
                        ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (size == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the place for the size is NULL");
    const auto found = open.value_size(view(group), view(field));
    if (!found) return ul_status{UL_NOT_FOUND};
    *size = *found;
    return ul_status{UL_OK};
  });
}

ul_status ul_erase(ul_cache* cache, ul_bytes group, ul_bytes field, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    return ul_status{open.erase(view(group), view(field)) ? UL_OK : UL_NOT_FOUND};
  });
}

ul_status ul_compare_and_set(ul_cache* cache, ul_bytes group, ul_bytes field, ul_bytes expected,
                             ul_bytes desired, const ul_set_options* options, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    ullage::SetOptions read;
    if (!ullage::cabi::set_options_of(options, read))
      return fail(error, UL_INVALID_ARGUMENT, ullage::cabi::k_bad_set_options);
    const auto done =
        open.compare_and_set(view(group), view(field), view(expected), view(desired), read);
    if (!done) return fail(error, done.error());
    return ul_status{*done ? UL_OK : UL_UNCHANGED};
  });
}

ul_status ul_increment(ul_cache* cache, ul_bytes group, ul_bytes field, int64_t by, int64_t* result,
                       ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto sum = open.increment(view(group), view(field), by);
    if (!sum) return fail(error, sum.error());
    if (result != nullptr) *result = *sum;
    return ul_status{UL_OK};
  });
}

ul_status ul_expire(ul_cache* cache, ul_bytes group, ul_bytes field, int64_t ttl_ms,
                    ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = open.expire(view(group), view(field), ttl_of(ttl_ms));
    return answer(done, error);
  });
}

namespace {

ul_status tell_ttl(const std::optional<ullage::Ttl>& ttl, int64_t* ttl_ms, ul_error* error) {
  if (ttl_ms == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the place for the time is NULL");
  if (!ttl) return UL_NOT_FOUND;
  *ttl_ms = ttl->remaining ? ttl->remaining->count() : -1;
  return UL_OK;
}

}  // namespace

ul_status ul_ttl(ul_cache* cache, ul_bytes group, ul_bytes field, int64_t* ttl_ms,
                 ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    return tell_ttl(open.ttl(view(group), view(field)), ttl_ms, error);
  });
}

ul_status ul_group_ttl(ul_cache* cache, ul_bytes group, int64_t* ttl_ms, ul_error* error) {
  return call(cache, error,
              [&](Cache& open) { return tell_ttl(open.group_ttl(view(group)), ttl_ms, error); });
}

void ul_loaded_value(ul_loaded* loaded, ul_bytes value, int64_t ttl_ms) {
  if (loaded == nullptr) return;
  try {
    loaded->loaded = ullage::Loaded::of(std::string(view(value)), ttl_of(ttl_ms));
  } catch (const std::bad_alloc&) {
    loaded->loaded.kind = ullage::Loaded::Kind::failure;
  }
}

void ul_loaded_failure(ul_loaded* loaded, ul_bytes message) {
  if (loaded == nullptr) return;
  try {
    loaded->loaded = ullage::Loaded::failed(std::string(view(message)));
  } catch (const std::bad_alloc&) {
    loaded->loaded.kind = ullage::Loaded::Kind::failure;
  }
}

ul_status ul_get_or_load(ul_cache* cache, ul_bytes group, ul_bytes field, ul_loader loader,
                         void* user, const ul_load_options* options, ul_value** value,
                         ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (value == nullptr || loader == nullptr)
      return fail(error, UL_INVALID_ARGUMENT, "the loader or the place for the value is NULL");
    *value = nullptr;
    ul_load_options read = UL_LOAD_OPTIONS_INIT;
    if (!ullage::cabi::read_versioned(options, read))
      return fail(error, UL_INVALID_ARGUMENT, ullage::cabi::k_bad_struct);
    const ullage::Loader load = [&](std::string_view of_group, std::string_view of_field) {
      ul_loaded loaded;
      loader(user, borrow(of_group), borrow(of_field), &loaded);
      return std::move(loaded.loaded);
    };
    auto found = open.get_or_load(view(group), view(field), load,
                                  {.ttl = ttl_of(read.ttl_ms),
                                   .negative_ttl = ullage::Millis(read.negative_ttl_ms),
                                   .failure_ttl = ullage::Millis(read.failure_ttl_ms)});
    if (!found) return fail(error, found.error());
    if (!*found) return ul_status{UL_NOT_FOUND};
    return hand_out((*found)->str(), value);
  });
}
