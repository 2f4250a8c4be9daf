// What the tests of documents share.
#pragma once

#include <ullage/document.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace ullage::document {

/// A cache with documents in it, and a clock of the test's own.
class DocumentsFixture : public ::testing::Test {
 protected:
  static Cache open(const std::shared_ptr<ManualClock>& clock,
                    std::size_t memory_limit = 64 * k_mib) {
    Options options;
    options.memory_limit = memory_limit;
    options.maintenance = Maintenance::manual;
    options.clock = clock;
    return Cache::open(std::move(options)).value();
  }
  template <class T>
  static std::string error_of(const Result<T>& result) {
    return result ? "none" : std::string(to_string(result.error().code));
  }
  /// The text, "none" or the error's code.
  std::string get(std::string_view pointer = "", std::string_view group = "d") {
    const auto json = documents.get(group, pointer);
    if (!json) return error_of(json);
    return *json ? (*json)->text : "none";
  }
  std::string put(std::string_view json, std::string_view pointer = "") {
    const auto done = documents.put("d", pointer, json);
    if (!done) return error_of(done);
    return *done == SetOutcome::inserted   ? "inserted"
           : *done == SetOutcome::replaced ? "replaced"
                                           : "unchanged";
  }

  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  Cache cache = open(clock);
  Documents documents{cache};
};

}  // namespace ullage::document
