// A value in private memory, for the time of a visit.
#pragma once

#include "engine/reader.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace ullage::engine {

/// Small values lie on the stack; the heap is asked for what does not fit.
class Scratch final : public ValueSink {
 public:
  char* start(std::size_t bytes) override {
    bytes_ = bytes;
    if (bytes <= sizeof inline_) return inline_;
    heap_ = std::make_unique<char[]>(bytes);
    return heap_.get();
  }
  [[nodiscard]] std::string_view view() const noexcept {
    return {bytes_ <= sizeof inline_ ? inline_ : heap_.get(), bytes_};
  }

 private:
  std::size_t bytes_ = 0;
  std::unique_ptr<char[]> heap_;
  char inline_[4096];
};

}  // namespace ullage::engine
