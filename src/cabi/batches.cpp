// Calls on many entries.
#include "cabi/handle.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

using ullage::Cache;
using ullage::cabi::borrow;
using ullage::cabi::call;
using ullage::cabi::fail;
using ullage::cabi::view;

namespace {

/// Up to a few dozen lie on the stack.
template <class T>
class Many {
 public:
  explicit Many(std::size_t count) : count_(count) {
    if (count > few_.size()) more_.resize(count);
  }
  T& operator[](std::size_t i) noexcept { return more_.empty() ? few_[i] : more_[i]; }
  [[nodiscard]] std::span<const T> all() const noexcept {
    return {more_.empty() ? few_.data() : more_.data(), count_};
  }

 private:
  std::size_t count_;
  std::array<T, 64> few_;
  std::vector<T> more_;
};

/// Cuts bytes into pieces of the given lengths.
class Cutter {
 public:
  Cutter(const char* bytes, const std::uint32_t* sizes) noexcept : bytes_(bytes), sizes_(sizes) {}
  std::string_view next() noexcept {
    const std::size_t size = *sizes_++;
    const std::string_view piece = size == 0 ? std::string_view() : std::string_view(bytes_, size);
    bytes_ += size;
    return piece;
  }

 private:
  const char* bytes_;
  const std::uint32_t* sizes_;
};

ul_status too_many(ul_error* error) {
  return fail(error, UL_BATCH_TOO_LARGE,
              "more than " + std::to_string(ullage::k_batch_max) + " in one call");
}

ul_status set_items(Cache& cache, std::span<const ullage::Item> items,
                    const ul_set_options* options, size_t* written, ul_error* error) {
  ullage::SetOptions read;
  if (!ullage::cabi::set_options_of(options, read))
    return fail(error, UL_INVALID_ARGUMENT, ullage::cabi::k_bad_set_options);
  std::size_t done = 0;
  ul_status status = UL_OK;
  for (const ullage::Item& item : items) {
    const auto one = cache.set(item.group, item.field, item.value, read);
    if (!one) {
      status = fail(error, one.error());
      break;
    }
    ++done;
  }
  if (written != nullptr) *written = done;
  return status;
}

}  // namespace

ul_status ul_visit_many(ul_cache* cache, const ul_key* keys, size_t count, ul_many_visitor visitor,
                        void* user, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if ((keys == nullptr && count != 0) || visitor == nullptr)
      return fail(error, UL_INVALID_ARGUMENT, "the keys or the visitor are NULL");
    if (count > ullage::k_batch_max) return too_many(error);
    Many<ullage::Key> asked(count);
    for (std::size_t i = 0; i < count; ++i)
      asked[i] = {view(keys[i].group), view(keys[i].field)};
    const auto done =
        open.visit_many(asked.all(), [&](std::size_t i, std::optional<std::string_view> value) {
          const ul_bytes bytes = value ? borrow(*value) : ul_bytes{};
          visitor(user, i, value ? &bytes : nullptr);
        });
    return done ? ul_status{UL_OK} : fail(error, done.error());
  });
}

ul_status ul_get_packed(ul_cache* cache, const char* names, const uint32_t* sizes, size_t count,
                        char* buffer, size_t capacity, uint32_t* sizes_out, size_t* needed,
                        ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (count != 0 &&
        (sizes == nullptr || sizes_out == nullptr || (buffer == nullptr && capacity != 0)))
      return fail(error, UL_INVALID_ARGUMENT, "the sizes or the buffer are NULL");
    if (count > ullage::k_batch_max) return too_many(error);
    Many<ullage::Key> asked(count);
    Cutter cutter(names, sizes);
    for (std::size_t i = 0; i < count; ++i) {
      asked[i].group = cutter.next();
      asked[i].field = cutter.next();
    }
    std::size_t used = 0;
    const auto done =
        open.visit_many(asked.all(), [&](std::size_t i, std::optional<std::string_view> value) {
          sizes_out[i] = value ? static_cast<std::uint32_t>(value->size()) : UL_ABSENT;
          if (!value) return;
          if (used + value->size() <= capacity && !value->empty())
            std::memcpy(buffer + used, value->data(), value->size());
          used += value->size();
        });
    if (!done) return fail(error, done.error());
    if (needed != nullptr) *needed = used;
    return ul_status{UL_OK};
  });
}

ul_status ul_set_many(ul_cache* cache, const ul_item* items, size_t count,
                      const ul_set_options* options, size_t* written, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (items == nullptr && count != 0)
      return fail(error, UL_INVALID_ARGUMENT, "the items are NULL");
    if (count > ullage::k_batch_max) return too_many(error);
    Many<ullage::Item> given(count);
    for (std::size_t i = 0; i < count; ++i)
      given[i] = {view(items[i].group), view(items[i].field), view(items[i].value)};
    return set_items(open, given.all(), options, written, error);
  });
}

ul_status ul_set_packed(ul_cache* cache, const char* bytes, const uint32_t* sizes, size_t count,
                        const ul_set_options* options, size_t* written, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (count != 0 && sizes == nullptr)
      return fail(error, UL_INVALID_ARGUMENT, "the sizes are NULL");
    if (count > ullage::k_batch_max) return too_many(error);
    Many<ullage::Item> given(count);
    Cutter cutter(bytes, sizes);
    for (std::size_t i = 0; i < count; ++i) {
      given[i].group = cutter.next();
      given[i].field = cutter.next();
      given[i].value = cutter.next();
    }
    return set_items(open, given.all(), options, written, error);
  });
}
