// A sink that makes a Value where its reader will have it.
#pragma once

#include <ullage/value.h>

#include "engine/reader.h"

#include <cstddef>
#include <optional>

namespace ullage::engine {

/// Leaves whatever a read that missed may have begun: only after a hit is the value the entry's.
class ValueInto final : public ValueSink {
 public:
  explicit ValueInto(std::optional<Value>& value) noexcept : value_(value) {}
  char* start(std::size_t bytes) override {
    if (!value_) value_.emplace();
    return value_->resize_for_overwrite(bytes);
  }

 private:
  std::optional<Value>& value_;
};

}  // namespace ullage::engine
