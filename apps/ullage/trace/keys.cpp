// One key a line, nothing else. See KeySplit for its group and field.
#include "trace/format.h"

namespace ullage::app {
namespace {

class KeysParser final : public RecordParser {
 public:
  explicit KeysParser(KeySplit split) : split_(split) {}

  bool next(InputBuffer& input, Request& request) override {
    const auto line = take_line(input);
    if (!line) return false;
    request = {};
    split_.apply(*line, request);
    require_name("the group", request.group, *line);
    require_name("the field", request.field, *line);
    return true;
  }

 private:
  const KeySplit split_;
};

}  // namespace

std::unique_ptr<RecordParser> make_keys_parser(KeySplit split) {
  return std::make_unique<KeysParser>(split);
}

}  // namespace ullage::app
