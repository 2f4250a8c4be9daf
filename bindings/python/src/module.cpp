// ullage._ullage: the cache for Python. What is easier said in Python is in ullage/__init__.py.
#include <ullage/cache.h>
#include <ullage/document.h>
#include <ullage/observe/cache_metrics.h>
#include <ullage/observe/data_profile.h>

#include "names.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace ullage_python {
namespace {

using ullage::Cache;
using ullage::Documents;
using ullage::Errc;
using ullage::Error;
using ullage::Millis;
using ullage::Result;

/// Raises ullage.Error of that code: ullage/__init__.py has a class for each.
[[noreturn]] void raise(std::string_view code, const std::string& message) {
  const nb::object make = nb::module_::import_("ullage._errors").attr("error_of");
  const nb::object error = make(nb::str(code.data(), code.size()), text_object(message));
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw nb::python_error();
}
[[noreturn]] void raise(const Error& error) {
  // As in C: the miss that is a failure has a name of its own.
  raise(error.code == Errc::not_found ? "missing" : ullage::to_string(error.code), error.message);
}
template <class T>
T checked(Result<T> result) {
  if (!result) raise(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::optional<Millis> ttl_of(std::int64_t ttl_ms) {
  if (ttl_ms == 0) return std::nullopt;
  return Millis(ttl_ms);
}

/// What get_buffer() answers: bytes that are shown by the buffer protocol, not copied again.
struct Value {
  ullage::Value value;
};

int show_buffer(PyObject* self, Py_buffer* view, int flags) {
  Value* const value = nb::inst_ptr<Value>(self);
  return PyBuffer_FillInfo(view, self, const_cast<char*>(value->value.data()),
                           static_cast<Py_ssize_t>(value->value.size()), /*readonly=*/1, flags);
}
PyType_Slot k_value_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(show_buffer)},
                               {0, nullptr}};

struct Settings {
  std::uint64_t memory_limit = 0;
  std::uint64_t max_memory_limit = 0;
  std::uint64_t max_entries = 0;
  std::uint64_t max_value_bytes = 0;
  std::uint64_t group_max_fields = 0;
  std::uint64_t group_max_bytes = 0;
  std::int64_t group_idle_ttl_ms = 0;
  bool lru = false;
  bool manual = false;
  bool removal_values = false;
};

class PythonCache {
 public:
  PythonCache(const Settings& settings, nb::object on_removal,
              std::shared_ptr<ullage::ManualClock> clock) {
    ullage::Options options;
    options.memory_limit = settings.memory_limit;
    options.max_memory_limit = settings.max_memory_limit;
    options.max_entries = settings.max_entries;
    if (settings.max_value_bytes != 0) options.max_value_bytes = settings.max_value_bytes;
    options.group = {settings.group_max_fields, settings.group_max_bytes,
                     Millis(settings.group_idle_ttl_ms)};
    if (settings.lru) options.policy = ullage::Policy::lru;
    if (settings.manual) options.maintenance = ullage::Maintenance::manual;
    options.removal_values = settings.removal_values;
    if (clock) options.clock = std::move(clock);
    if (!on_removal.is_none()) options.on_removal = listener_of(std::move(on_removal));
    cache_ = std::make_shared<Cache>(checked(Cache::open(std::move(options))));
  }
  ~PythonCache() { close(); }
  PythonCache(const PythonCache&) = delete;
  PythonCache& operator=(const PythonCache&) = delete;

  /// Calls under way on other threads go on; the last one ends the cache.
  void close() {
    std::shared_ptr<Cache> last = std::move(cache_);
    // Its thread may be waiting to call Python.
    const nb::gil_scoped_release others;
    last.reset();
  }
  [[nodiscard]] bool is_closed() const noexcept { return cache_ == nullptr; }

  [[nodiscard]] Cache& open() const {
    if (!cache_) raise("closed", "the cache is closed");
    return *cache_;
  }
  /// For calls that let go of the GIL.
  [[nodiscard]] std::shared_ptr<Cache> held() const {
    open();
    return cache_;
  }

 private:
  static ullage::RemovalListener listener_of(nb::object listener) {
    // std::function copies; the object is counted under the GIL alone.
    auto shared =
        std::shared_ptr<nb::object>(new nb::object(std::move(listener)), [](nb::object* o) {
          const nb::gil_scoped_acquire gil;
          delete o;
        });
    return [shared](const ullage::Removal& removal) {
      const nb::gil_scoped_acquire gil;
      try {
        const std::string_view cause = ullage::to_string(removal.cause);
        (*shared)(text_object(removal.group), text_object(removal.field),
                  nb::str(cause.data(), cause.size()), bytes_object(removal.value),
                  removal.value_bytes);
      } catch (nb::python_error& thrown) {
        thrown.discard_as_unraisable("ullage: on_removal");
      }
    };
  }

  std::shared_ptr<Cache> cache_;
};

/// The cache for a call during which Python may run others' code, close() too. If that makes it the
/// last reference, the cache ends without the GIL: its thread may want Python.
class Held {
 public:
  explicit Held(const PythonCache& cache) : cache_(cache.held()) {}
  ~Held() {
    if (cache_.use_count() > 1) return;
    const nb::gil_scoped_release others;
    cache_.reset();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Cache* operator->() const noexcept { return cache_.get(); }

 private:
  std::shared_ptr<Cache> cache_;
};

// --- entries -----------------------------------------------------------------------------------

nb::object get(const PythonCache& cache, nb::handle group, nb::handle field, nb::handle otherwise) {
  const std::optional<ullage::Value> found = cache.open().get(Bytes(group), Bytes(field));
  if (!found) return nb::borrow(otherwise);
  return bytes_object(found->view());
}

std::optional<Value> get_buffer(const PythonCache& cache, nb::handle group, nb::handle field) {
  std::optional<ullage::Value> found = cache.open().get(Bytes(group), Bytes(field));
  if (!found) return std::nullopt;
  return Value{std::move(*found)};
}

std::optional<std::size_t> get_into(const PythonCache& cache, nb::handle group, nb::handle field,
                                    nb::handle buffer) {
  Py_buffer view;
  if (PyObject_GetBuffer(buffer.ptr(), &view, PyBUF_WRITABLE) != 0) throw nb::python_error();
  std::optional<std::size_t> size;
  try {
    size =
        cache.open().get_into(Bytes(group), Bytes(field),
                              {static_cast<char*>(view.buf), static_cast<std::size_t>(view.len)});
  } catch (...) {
    PyBuffer_Release(&view);
    throw;
  }
  PyBuffer_Release(&view);
  return size;
}

ullage::SetOptions set_options(std::int64_t ttl_ms, bool keep_ttl, int condition) {
  ullage::SetOptions options;
  options.ttl = ttl_of(ttl_ms);
  options.keep_ttl = keep_ttl;
  options.condition = static_cast<ullage::Condition>(condition);
  return options;
}

int set(const PythonCache& cache, nb::handle group, nb::handle field, nb::handle value,
        std::int64_t ttl_ms, bool keep_ttl, int condition) {
  return static_cast<int>(checked(cache.open().set(Bytes(group), Bytes(field), Bytes(value),
                                                   set_options(ttl_ms, keep_ttl, condition))));
}

/// Objects' bytes, all at once.
class ManyBytes {
 public:
  explicit ManyBytes(nb::handle objects) {
    for (nb::handle object : nb::borrow<nb::iterable>(objects)) {
      kept_.push_back(nb::borrow(object));
      bytes_.push_back(std::make_unique<Bytes>(object));
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept { return *bytes_[i]; }

 private:
  std::vector<nb::object> kept_;
  std::vector<std::unique_ptr<Bytes>> bytes_;
};

nb::list get_many(const PythonCache& cache, nb::handle group, nb::handle fields) {
  const Bytes name(group);
  const ManyBytes names(fields);
  std::vector<ullage::Key> keys;
  keys.reserve(names.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    keys.push_back({name, names[i]});
  std::vector<nb::object> values(names.size(), nb::none());
  // Nothing of ours is called in between but the making of bytes.
  checked(cache.open().visit_many(keys, [&](std::size_t i, std::optional<std::string_view> value) {
    if (value) values[i] = bytes_object(*value);
  }));
  nb::list list;
  for (nb::object& value : values)
    list.append(std::move(value));
  return list;
}

/// How many were written before `failure`, which is None if all were.
nb::tuple set_many(const PythonCache& cache, nb::handle group, nb::handle fields, nb::handle values,
                   std::int64_t ttl_ms) {
  const Bytes name(group);
  const ManyBytes names(fields);
  const ManyBytes contents(values);
  const ullage::SetOptions options = set_options(ttl_ms, false, 0);
  std::size_t written = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto done = cache.open().set(name, names[i], contents[i], options);
    if (!done) {
      const std::string_view code = ullage::to_string(done.error().code);
      return nb::make_tuple(written, nb::str(code.data(), code.size()),
                            text_object(done.error().message));
    }
    ++written;
  }
  return nb::make_tuple(written, nb::none(), nb::none());
}

nb::object ttl_object(const std::optional<ullage::Ttl>& left) {
  if (!left) return nb::none();
  return nb::int_(left->remaining ? left->remaining->count() : -1);
}

// --- groups ------------------------------------------------------------------------------------

/// (next cursor, [(field, value), ...])
nb::tuple scan(const PythonCache& cache, nb::handle group, std::uint64_t cursor,
               std::size_t count) {
  nb::list entries;
  const Bytes name(group);
  const Held held(cache);  // making tuples may run others' code
  const std::uint64_t next =
      checked(held->scan(name, cursor, count, [&](std::string_view field, std::string_view value) {
        entries.append(nb::make_tuple(text_object(field), bytes_object(value)));
      }));
  return nb::make_tuple(next, entries);
}

nb::tuple scan_groups(const PythonCache& cache, std::uint64_t cursor, std::size_t count) {
  nb::list groups;
  const Held held(cache);
  const std::uint64_t next =
      checked(held->scan_groups(cursor, count, [&](std::string_view group, std::uint64_t fields) {
        groups.append(nb::make_tuple(text_object(group), fields));
      }));
  return nb::make_tuple(next, groups);
}

/// Runs what may take long without the GIL.
template <class Work>
auto without_gil(const PythonCache& cache, const Work& work) {
  std::shared_ptr<Cache> open = cache.held();
  const nb::gil_scoped_release others;
  // Ends before the GIL is taken again: if it is the last, the cache's thread may want Python.
  const std::shared_ptr<Cache> mine = std::move(open);
  return work(*mine);
}

// --- loading -----------------------------------------------------------------------------------

/// `loader()` answers bytes, or None. What it raises is raised here, if it was this call's loader.
nb::object get_or_load(const PythonCache& cache, nb::handle group, nb::handle field,
                       nb::object loader, std::int64_t ttl_ms, std::int64_t negative_ttl_ms) {
  const Bytes group_name(group);
  const Bytes field_name(field);
  std::optional<nb::python_error> raised;
  const ullage::Loader load = [&](std::string_view /*group*/, std::string_view /*field*/) {
    const nb::gil_scoped_acquire gil;
    try {
      const nb::object value = loader();
      if (value.is_none()) return ullage::Loaded::absent();
      return ullage::Loaded::of(std::string(Bytes(value).view()));
    } catch (nb::python_error& thrown) {
      raised.emplace(std::move(thrown));
      return ullage::Loaded::failed("the loader raised");
    }
  };
  auto found = without_gil(cache, [&](Cache& open) {
    return open.get_or_load(group_name, field_name, load,
                            {.ttl = ttl_of(ttl_ms), .negative_ttl = Millis(negative_ttl_ms)});
  });
  if (raised) throw std::move(*raised);
  const std::optional<ullage::Value> value = checked(std::move(found));
  if (!value) return nb::none();
  return bytes_object(value->view());
}

// --- care --------------------------------------------------------------------------------------

nb::dict stats(const PythonCache& cache) {
  const ullage::Stats now = cache.open().stats();
  nb::dict removals;
  for (std::size_t i = 0; i < now.removals.size(); ++i) {
    const std::string_view cause = ullage::to_string(static_cast<ullage::RemovalCause>(i));
    removals[nb::str(cause.data(), cause.size())] = now.removals[i];
  }
  nb::dict all;
  all["entries"] = now.entries;
  all["groups"] = now.groups;
  all["hits"] = now.hits;
  all["misses"] = now.misses;
  all["inserts"] = now.inserts;
  all["memory_limit"] = now.memory_limit;
  all["charged_bytes"] = now.charged_bytes;
  all["payload_bytes"] = now.payload_bytes;
  all["removal_events_lost"] = now.removal_events_lost;
  all["removals"] = removals;
  return all;
}

/// (text, is_complete), or None.
nb::object json_get(const PythonCache& cache, nb::handle group, nb::handle pointer) {
  const auto found = checked(Documents(cache.open()).get(Bytes(group), Bytes(pointer)));
  if (!found) return nb::none();
  return nb::make_tuple(text_object(found->text), found->is_complete);
}

}  // namespace

NB_MODULE(_ullage, m) {
  nb::class_<Value>(m, "Value", nb::type_slots(k_value_slots))
      .def("__len__", [](const Value& value) { return value.value.size(); })
      .def("__bytes__", [](const Value& value) { return bytes_object(value.value.view()); });

  nb::class_<ullage::ManualClock>(m, "ManualClock")
      .def(nb::init<std::int64_t>(), nb::arg("start_ms") = 1'000'000)
      .def("advance_ms", [](ullage::ManualClock& clock, std::int64_t by_ms) {
        if (by_ms > 0) clock.advance(Millis(by_ms));
      });

  nb::class_<PythonCache>(m, "Cache")
      .def(
          "__init__",
          [](PythonCache* self, std::uint64_t memory_limit, std::uint64_t max_memory_limit,
             std::uint64_t max_entries, std::uint64_t max_value_bytes,
             std::uint64_t group_max_fields, std::uint64_t group_max_bytes,
             std::int64_t group_idle_ttl_ms, bool lru, bool manual, nb::object on_removal,
             bool removal_values, std::shared_ptr<ullage::ManualClock> clock) {
            new (self) PythonCache(Settings{memory_limit, max_memory_limit, max_entries,
                                            max_value_bytes, group_max_fields, group_max_bytes,
                                            group_idle_ttl_ms, lru, manual, removal_values},
                                   std::move(on_removal), std::move(clock));
          },
          nb::arg("memory_limit"), nb::arg("max_memory_limit"), nb::arg("max_entries"),
          nb::arg("max_value_bytes"), nb::arg("group_max_fields"), nb::arg("group_max_bytes"),
          nb::arg("group_idle_ttl_ms"), nb::arg("lru"), nb::arg("manual"),
          nb::arg("on_removal").none(), nb::arg("removal_values"), nb::arg("clock").none())
      .def("close", &PythonCache::close)
      .def_prop_ro("closed", &PythonCache::is_closed)
      .def("get", &get, nb::arg("group"), nb::arg("field"), nb::arg("default").none() = nb::none())
      .def("get_buffer", &get_buffer)
      .def("get_into", &get_into)
      .def("_set", &set)
      .def("contains",
           [](const PythonCache& cache, nb::handle group, nb::handle field) {
             return cache.open().contains(Bytes(group), Bytes(field));
           })
      .def("erase", [](const PythonCache& cache, nb::handle group,
                       nb::handle field) { return cache.open().erase(Bytes(group), Bytes(field)); })
      .def("compare_and_set",
           [](const PythonCache& cache, nb::handle group, nb::handle field, nb::handle expected,
              nb::handle desired) {
             return checked(cache.open().compare_and_set(Bytes(group), Bytes(field),
                                                         Bytes(expected), Bytes(desired)));
           })
      .def(
          "increment",
          [](const PythonCache& cache, nb::handle group, nb::handle field, std::int64_t by) {
            return checked(cache.open().increment(Bytes(group), Bytes(field), by));
          },
          nb::arg("group"), nb::arg("field"), nb::arg("by") = 1)
      .def("get_many", &get_many)
      .def("_set_many", &set_many)
      .def("_expire",
           [](const PythonCache& cache, nb::handle group, nb::handle field, std::int64_t ttl_ms) {
             return checked(cache.open().expire(Bytes(group), Bytes(field), ttl_of(ttl_ms)));
           })
      .def("_expire_group",
           [](const PythonCache& cache, nb::handle group, std::int64_t ttl_ms) {
             return checked(cache.open().expire_group(Bytes(group), ttl_of(ttl_ms)));
           })
      .def("_ttl_ms",
           [](const PythonCache& cache, nb::handle group, nb::handle field) {
             return ttl_object(cache.open().ttl(Bytes(group), Bytes(field)));
           })
      .def("_group_ttl_ms",
           [](const PythonCache& cache, nb::handle group) {
             return ttl_object(cache.open().group_ttl(Bytes(group)));
           })
      .def("_scan", &scan)
      .def("_scan_groups", &scan_groups)
      .def("erase_group", [](const PythonCache& cache,
                             nb::handle group) { return cache.open().erase_group(Bytes(group)); })
      .def("contains_group",
           [](const PythonCache& cache, nb::handle group) {
             return cache.open().contains_group(Bytes(group));
           })
      .def("group_size", [](const PythonCache& cache,
                            nb::handle group) { return cache.open().group_size(Bytes(group)); })
      .def(
          "rename_group",
          [](const PythonCache& cache, nb::handle from, nb::handle to, bool replace) {
            checked(cache.open().rename_group(Bytes(from), Bytes(to), replace));
          },
          nb::arg("old"), nb::arg("new"), nb::kw_only(), nb::arg("replace") = false)
      .def("clear", [](const PythonCache& cache) { cache.open().clear(); })
      .def("_set_group_limits",
           [](const PythonCache& cache, nb::handle group, std::uint64_t max_fields,
              std::uint64_t max_bytes, std::int64_t idle_ttl_ms) {
             return checked(cache.open().set_group_limits(
                 Bytes(group), {max_fields, max_bytes, Millis(idle_ttl_ms)}));
           })
      .def("_define_class",
           [](const PythonCache& cache, nb::handle pattern, std::uint64_t least, std::uint64_t low,
              std::uint64_t high, std::uint64_t most, std::uint64_t max_fields,
              std::uint64_t max_bytes, std::int64_t ttl_ms, std::uint32_t weight) {
             ullage::ClassLimits limits;
             limits.min = least;
             limits.low = low;
             limits.high = high;
             limits.max = most;
             limits.max_fields = max_fields;
             limits.max_bytes = max_bytes;
             limits.ttl = Millis(ttl_ms);
             limits.weight = weight;
             checked(cache.open().define_class(Bytes(pattern), limits));
           })
      .def("remove_class",
           [](const PythonCache& cache, nb::handle pattern) {
             return checked(cache.open().remove_class(Bytes(pattern)));
           })
      .def("set_memory_limit",
           [](const PythonCache& cache, std::uint64_t bytes) {
             checked(without_gil(cache, [&](Cache& c) { return c.set_memory_limit(bytes); }));
           })
      .def("_get_or_load", &get_or_load)
      .def(
          "tick",
          [](const PythonCache& cache, std::size_t budget) {
            return without_gil(cache, [&](Cache& c) { return c.tick(budget); });
          },
          nb::arg("budget") = 1000)
      .def("_stats", &stats)
      .def("metrics",
           [](const PythonCache& cache) { return ullage::observe::cache_metrics(cache.open()); })
      .def("data_profile",
           [](const PythonCache& cache) {
             const auto made = checked(
                 without_gil(cache, [](Cache& c) { return ullage::observe::data_profile(c); }));
             return bytes_object(made.gzipped);
           })
      .def("validate",
           [](const PythonCache& cache) {
             const auto found = without_gil(cache, [](Cache& c) { return c.validate(); });
             if (!found.ok) raise("system", "the books do not balance: " + found.findings.front());
           })
      .def("_json_put",
           [](const PythonCache& cache, nb::handle group, nb::handle pointer, nb::handle json,
              std::int64_t ttl_ms) {
             checked(Documents(cache.open())
                         .put(Bytes(group), Bytes(pointer), Bytes(json), {.ttl = ttl_of(ttl_ms)}));
           })
      .def("_json_get", &json_get)
      .def("json_erase",
           [](const PythonCache& cache, nb::handle group,
              nb::handle pointer) -> std::optional<std::uint64_t> {
             const auto done = checked(Documents(cache.open()).erase(Bytes(group), Bytes(pointer)));
             if (done.outcome != ullage::JsonErased::Outcome::erased) return std::nullopt;
             return done.leaves;
           })
      .def("json_merge",
           [](const PythonCache& cache, nb::handle group, nb::handle patch) {
             checked(Documents(cache.open()).merge(Bytes(group), "", Bytes(patch)));
           })
      .def("json_patch", [](const PythonCache& cache, nb::handle group, nb::handle patch) {
        checked(Documents(cache.open()).patch(Bytes(group), Bytes(patch)));
      });
}

}  // namespace ullage_python
