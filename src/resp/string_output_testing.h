// For tests: replies in a string.
#pragma once

#include "resp/output.h"

#include <cstddef>
#include <string>

namespace ullage::resp {

/// Grows up to `max_bytes`.
class StringOutput final : public Output {
 public:
  explicit StringOutput(std::size_t max_bytes = std::size_t{1} << 24) : max_bytes_(max_bytes) {}

 private:
  bool grow(std::size_t bytes) override {
    const std::size_t used = size();
    if (used + bytes > max_bytes_) return false;
    memory_.resize(used + bytes + used / 2);
    hold(memory_.data(), used, memory_.size());
    return true;
  }

  std::size_t max_bytes_;
  std::string memory_;
};

}  // namespace ullage::resp
