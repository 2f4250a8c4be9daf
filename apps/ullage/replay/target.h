// What a trace is replayed against: our cache, a simulator, or the naive map of maps.
#pragma once

#include "replay/options.h"
#include "replay/result.h"
#include "trace/request.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::app {

/// A request made ready outside the measured time: its size is decided, its entry has an id.
struct PreparedRequest {
  Request request;
  std::uint64_t id = 0;
  [[nodiscard]] std::uint64_t byte_cost() const noexcept {
    return request.size == 0 ? 1 : request.size;
  }
};

/// Bytes that values are made of, prepared before anything is measured. Each entry's value is a
/// stretch that begins at a place of its own, so that a value of another entry is recognised as
/// wrong.
class ValuePattern {
 public:
  explicit ValuePattern(std::size_t value_max);
  /// REQUIRES: size <= value_max(); longer values are cut.
  [[nodiscard]] std::string_view value(std::uint64_t id, std::uint64_t size) const noexcept {
    return std::string_view(bytes_).substr(static_cast<std::size_t>(id % k_places),
                                           static_cast<std::size_t>(size));
  }
  [[nodiscard]] std::size_t value_max() const noexcept { return value_max_; }

 private:
  static constexpr std::size_t k_places = 4093;
  std::size_t value_max_;
  std::string bytes_;
};

/// One per working thread.
struct Worker {
  explicit Worker(std::size_t value_max) : buffer(value_max) {}
  std::vector<char> buffer;  ///< where values are read to, so that a hit allocates nothing
  std::uint64_t operations = 0;
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
  std::uint64_t requested_bytes = 0;
  std::uint64_t missed_bytes = 0;
  std::uint64_t bypassed = 0;
  std::uint64_t refused = 0;
  std::string refusal;
  std::string lie;  ///< what verification found; empty is good
};

class Target {
 public:
  virtual ~Target() = default;

  /// Looks an entry up and stores it on a miss; answers whether it hit.
  virtual bool lookup(const PreparedRequest& request, Worker& worker) = 0;
  virtual void store(const PreparedRequest& request, Worker& worker) = 0;
  virtual void erase(const PreparedRequest& request) = 0;
  /// Moves the injected clock; never back.
  virtual void advance_to(std::int64_t time_ms) { (void)time_ms; }
  /// Between batches: the maintenance that nobody else does.
  virtual void care() {}

  /// Cheap counters, written to the members of the same name.
  virtual void read(ReplayResult& result) const = 0;
  /// Walks everything to account for each byte; false where there is no such account.
  virtual bool account(ReplayResult& result) {
    (void)result;
    return false;
  }
};

/// Throws Failure when the cache refuses its options.
std::unique_ptr<Target> make_engine_target(const ReplayOptions& options,
                                           const ValuePattern& pattern);
std::unique_ptr<Target> make_simulator_target(const ReplayOptions& options);
std::unique_ptr<Target> make_naive_target(const ValuePattern& pattern);

/// Longest value that this replay stores.
std::size_t value_max_of(const ReplayOptions& options);

}  // namespace ullage::app
