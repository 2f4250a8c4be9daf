// `group,field,size`: the format of our own traces. Names have no commas; size is decimal.
#include "trace/format.h"

#include <algorithm>

#include <fmt/core.h>

namespace ullage::app {
namespace {

class CsvParser final : public RecordParser {
 public:
  bool next(InputBuffer& input, Request& request) override {
    auto line = take_line(input);
    if (line && first_ && *line == "group,field,size") line = take_line(input);
    first_ = false;
    if (!line) return false;

    const std::size_t first_comma = line->find(',');
    const std::size_t second_comma =
        first_comma == std::string_view::npos ? first_comma : line->find(',', first_comma + 1);
    if (second_comma == std::string_view::npos ||
        line->find(',', second_comma + 1) != std::string_view::npos) {
      throw MalformedRecord(fmt::format("expected group,field,size but found {} column(s)",
                                        1 + std::count(line->begin(), line->end(), ',')),
                            *line);
    }
    request = {};
    request.group = line->substr(0, first_comma);
    request.field = line->substr(first_comma + 1, second_comma - first_comma - 1);
    require_name("the group", request.group, *line);
    require_name("the field", request.field, *line);
    request.size =
        parse_number("the size", line->substr(second_comma + 1), k_trace_size_max, *line);
    return true;
  }

 private:
  bool first_ = true;  // a header may stand in the first line only
};

}  // namespace

std::unique_ptr<RecordParser> make_csv_parser() {
  return std::make_unique<CsvParser>();
}

}  // namespace ullage::app
