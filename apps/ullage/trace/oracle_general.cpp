// libCacheSim's oracleGeneral: binary records without padding, little-endian.
//
//   | clock 32 | object 64 | size 32 | next access 64 |   = 24 bytes
//
// Objects are numbers without levels: 16 neighbours make a group, as in our own traces of blocks.
#include "trace/format.h"

#include <bit>
#include <charconv>
#include <cstring>

#include <fmt/core.h>

namespace ullage::app {
namespace {

constexpr std::size_t k_record_bytes = 24;
constexpr std::uint64_t k_objects_per_group = 16;
constexpr std::int64_t k_never_again = -1;

static_assert(std::endian::native == std::endian::little, "the records are copied as they lie");

template <class Number>
Number load(std::string_view record, std::size_t at) {
  Number number;
  std::memcpy(&number, record.data() + at, sizeof number);
  return number;
}

class OracleGeneralParser final : public RecordParser {
 public:
  bool next(InputBuffer& input, Request& request) override {
    const std::string_view record = input.peek(k_record_bytes);
    if (record.empty()) return false;
    input.skip(record.size());
    if (record.size() < k_record_bytes) {
      throw MalformedRecord(
          fmt::format("the last record has {} of {} bytes", record.size(), k_record_bytes), record);
    }
    const auto clock_s = load<std::uint32_t>(record, 0);
    const auto object = load<std::uint64_t>(record, 4);
    const auto size = load<std::uint32_t>(record, 12);
    const auto next_access = load<std::int64_t>(record, 16);
    // The one column with impossible values: it tells a foreign binary file from a trace.
    if (next_access < k_never_again)
      throw MalformedRecord("the next access is before the first", record);

    request = {};
    request.group = print(object / k_objects_per_group, group_);
    request.field = print(object % k_objects_per_group, field_);
    request.size = size;
    request.time_ms = std::int64_t{clock_s} * 1000;
    return true;
  }

 private:
  template <std::size_t N>
  static std::string_view print(std::uint64_t number, char (&to)[N]) {
    const auto [end, error] = std::to_chars(to, to + N, number);
    return {to, static_cast<std::size_t>(end - to)};
  }

  char group_[24];
  char field_[24];
};

}  // namespace

std::unique_ptr<RecordParser> make_oracle_general_parser() {
  return std::make_unique<OracleGeneralParser>();
}

}  // namespace ullage::app
