// Any bytes, cut anywhere: the parser hears the same requests or the same error as in one piece,
// never reads beside what it was given, and every argument lies inside.
#include "resp/request_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using ullage::resp::RequestBatch;
using ullage::resp::RequestParser;

struct Heard {
  std::vector<std::string> args;
  std::string error;
  friend bool operator==(const Heard&, const Heard&) = default;
};

Heard hear(std::string_view bytes, std::size_t piece) {
  RequestParser::Limits limits;
  limits.bulk_max_bytes = 4096;
  limits.args_max = 64;
  limits.request_max_bytes = 8192;
  RequestParser parser;
  Heard heard;
  std::size_t done = 0;
  std::size_t given = 0;
  while (given < bytes.size()) {
    given = std::min(bytes.size(), given + piece);
    for (;;) {
      // A copy of its own for each call, so that a sanitizer sees what is read beside it.
      const std::string here(bytes.substr(done, given - done));
      RequestBatch batch;
      const auto outcome = parser.next(here, limits, batch);
      for (std::size_t r = 0; r < batch.size(); ++r) {
        for (std::size_t a = 0; a < batch[r].size(); ++a)
          heard.args.emplace_back(batch[r][a]);
        heard.args.emplace_back("<end of request>");
      }
      if (outcome.status == RequestParser::Status::malformed) {
        heard.error = parser.error();
        return heard;
      }
      if (outcome.status == RequestParser::Status::incomplete) break;
      if (outcome.consumed == 0 || outcome.consumed > here.size()) std::abort();
      done += outcome.consumed;
    }
  }
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + data[0] % 32;
  if (hear(bytes, std::max<std::size_t>(bytes.size(), 1)) != hear(bytes, piece)) std::abort();
  return 0;
}
