// Bytes to requests: RESP arrays of bulk strings, and inline lines as a person types them.
//
// Nothing is copied: arguments are views into the bytes given. A request that has not arrived whole
// is remembered by offsets, so that more bytes go on where these ended: the work is linear in the
// bytes however they are cut into pieces, and a length that is only announced costs nothing.
//
// What is malformed gets the words that Redis uses ("Protocol error: ..."), since clients look for
// them; what is too large names its limit. After an error the connection must be closed.
#pragma once

#include "resp/limits.h"
#include "resp/request.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::resp {

class RequestParser {
 public:
  struct Limits {
    std::size_t bulk_max_bytes = std::size_t{1} << 20;  ///< one argument
    std::size_t args_max = k_args_max;
    std::size_t request_max_bytes = k_request_max_bytes;
    bool stranger = false;  ///< has yet to authenticate: gets little room
  };

  enum class Status : std::uint8_t {
    parsed,      ///< `consumed` bytes are done with, and the batch may have a request more
    incomplete,  ///< more bytes are needed; pass these again with them
    malformed,   ///< error() says what
  };
  struct Outcome {
    Status status = Status::incomplete;
    std::size_t consumed = 0;
  };

  /// Takes the request at the front of `bytes` into the batch. An empty request is consumed and
  /// adds none. While the answer is `incomplete` the next call must get the same bytes first,
  /// wherever they lie then.
  Outcome next(std::string_view bytes, const Limits& limits, RequestBatch& batch);

  /// Forgets the request under way: the next call gets its bytes again from their start.
  void restart() noexcept { forget(); }

  /// What was malformed, as the client is to be told.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  /// How many bytes the request under way will have at least, as far as was announced: what to
  /// make room for. 0 if there is none.
  [[nodiscard]] std::size_t announced_bytes() const noexcept { return announced_; }

 private:
  Outcome next_array(std::string_view bytes, const Limits& limits, RequestBatch& batch);
  void begin_args(std::size_t count, std::size_t at) noexcept;
  Outcome next_inline(std::string_view bytes, RequestBatch& batch);
  /// Reads arguments from where the last call ended. Into `slices`, unless that is null.
  Status read_args(std::string_view bytes, const Limits& limits, std::vector<Slice>* slices);
  /// Finds the arguments of a request that has been read to its end, all of them.
  void collect(std::string_view bytes, std::vector<Slice>& slices) const;
  Status malformed(std::string what);
  void forget() noexcept;

  // The request under way: nothing of it is known yet while args_left_ is 0. Where its arguments
  // lie is not kept: it would take more memory than the shortest of them, and is found again once
  // the last has come.
  std::size_t args_ = 0;          // all that were announced
  std::size_t args_at_ = 0;       // where the first begins
  std::size_t args_left_ = 0;     // of them to come
  std::size_t at_ = 0;            // the next byte to look at
  std::size_t scanned_ = 0;       // bytes of an unfinished line that have no end
  std::int64_t bulk_bytes_ = -1;  // of the argument under way, -1: not announced yet
  std::size_t announced_ = 0;
  std::string error_;
};

}  // namespace ullage::resp
