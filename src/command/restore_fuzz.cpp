// RESTORE of any bytes, with a sum that is right as often as not: what is taken can be dumped and
// restored again, and comes out the same; the books balance.
#include "command/house_testing.h"
#include "resp/string_output_testing.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

namespace {

using namespace ullage;
using namespace ullage::command;

std::string encode(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return bytes;
}

std::string ask(House& house, const std::vector<std::string>& words) {
  const std::string bytes = encode(words);
  resp::RequestParser parser;
  resp::RequestBatch batch;
  static_cast<void>(parser.next(bytes, {}, batch));
  resp::StringOutput out;
  resp::Reply reply(out, resp::Protocol::resp2);
  house.dispatcher.run(house.session, batch[0], reply);
  return std::string(out.view());
}

/// The bytes of a bulk reply.
std::string bulk(const std::string& reply) {
  const std::size_t end = reply.find("\r\n");
  if (reply[0] != '$' || end == std::string::npos) std::abort();
  return reply.substr(end + 2, reply.size() - end - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static House house;  // one for all inputs: opening a cache costs more than they do
  std::string payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) {
    payload.insert(0, "ULLAGE\x01");
    const auto sum = static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const unsigned char*>(payload.data()), payload.size()));
    char bytes[sizeof sum];
    std::memcpy(bytes, &sum, sizeof sum);
    payload.append(bytes, sizeof bytes);
  }
  const std::string reply = ask(house, {"RESTORE", "k", "0", payload, "REPLACE"});
  if (reply == "+OK\r\n") {
    const std::string dumped = ask(house, {"DUMP", "k"});
    if (dumped != "$-1\r\n") {  // all fields may be the same one, and have ended
      if (ask(house, {"RESTORE", "again", "0", bulk(dumped), "REPLACE"}) != "+OK\r\n") std::abort();
      if (ask(house, {"HLEN", "k"}) != ask(house, {"HLEN", "again"})) std::abort();
    }
  } else if (reply[0] != '-') {
    std::abort();
  }
  if (!house.cache.validate().ok) std::abort();
  ask(house, {"FLUSHALL"});
  return 0;
}
