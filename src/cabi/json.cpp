// JSON documents.
#include <ullage/document.h>

#include "cabi/handle.h"

using ullage::Cache;
using ullage::Documents;
using ullage::cabi::answer;
using ullage::cabi::call;
using ullage::cabi::fail;
using ullage::cabi::hand_out;
using ullage::cabi::view;

ul_status ul_json_put(ul_cache* cache, ul_bytes group, ul_bytes pointer, ul_bytes json,
                      int64_t ttl_ms, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = Documents(open).put(view(group), view(pointer), view(json),
                                          {.ttl = ullage::cabi::ttl_of(ttl_ms)});
    return done ? ul_status{UL_OK} : fail(error, done.error());
  });
}

ul_status ul_json_get(ul_cache* cache, ul_bytes group, ul_bytes pointer, ul_value** json,
                      int32_t* complete, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (json == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the place for the text is NULL");
    *json = nullptr;
    auto found = Documents(open).get(view(group), view(pointer));
    if (!found) return fail(error, found.error());
    if (!*found) return ul_status{UL_NOT_FOUND};
    if (complete != nullptr) *complete = (*found)->is_complete ? 1 : 0;
    return hand_out(std::move((*found)->text), json);
  });
}

ul_status ul_json_erase(ul_cache* cache, ul_bytes group, ul_bytes pointer, uint64_t* erased,
                        ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = Documents(open).erase(view(group), view(pointer));
    if (!done) return fail(error, done.error());
    if (erased != nullptr) *erased = done->leaves;
    if (done->outcome == ullage::JsonErased::Outcome::erased) return ul_status{UL_OK};
    return ul_status{UL_NOT_FOUND};
  });
}

ul_status ul_json_merge(ul_cache* cache, ul_bytes group, ul_bytes patch, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = Documents(open).merge(view(group), "", view(patch));
    return answer(done, error);
  });
}

ul_status ul_json_patch(ul_cache* cache, ul_bytes group, ul_bytes patch, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const auto done = Documents(open).patch(view(group), view(patch));
    return answer(done, error);
  });
}
