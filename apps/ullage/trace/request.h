// One request of a trace, and where requests come from.
#pragma once

#include <cstdint>
#include <string_view>

namespace ullage::app {

enum class Operation : std::uint8_t {
  read,   ///< look up; on a miss the caller loads the value and stores it
  write,  ///< store without looking
  erase,  ///< remove
};

struct Request {
  static constexpr std::int64_t k_no_time = -1;

  std::string_view group;
  std::string_view field;
  std::uint64_t size = 0;            ///< of the value, in bytes; 0: the source gives none
  std::uint64_t ttl_ms = 0;          ///< 0: none
  std::int64_t time_ms = k_no_time;  ///< of the trace's own clock
  Operation operation = Operation::read;
};

/// A stream of requests, read once from front to back in bounded memory.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  /// The next request, or false at the end. Its views are valid until the next call.
  /// Throws Failure on malformed or unreadable input.
  virtual bool next(Request& request) = 0;
  /// Share of the input read so far, 0 to 1; negative where its size is unknown.
  [[nodiscard]] virtual double progress() const = 0;
  /// Malformed lines passed over because the user asked for that.
  [[nodiscard]] virtual std::uint64_t skipped() const { return 0; }
};

}  // namespace ullage::app
