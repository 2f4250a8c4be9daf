// Rules of users from any text: what is taken is written and read back as the same users, what is
// refused changes nothing.
#include "command/acl.h"
#include "command/table.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ullage::command;
  static const Table table;
  const std::string text(reinterpret_cast<const char*>(data), size);

  Acl from_file(table);
  const std::string before = from_file.text();
  if (from_file.load(text)) {
    if (from_file.text() != before) std::abort();
  } else {
    const std::string written = from_file.text();
    Acl again(table);
    if (again.load(written) || again.text() != written) std::abort();
  }

  Acl by_rules(table);
  std::istringstream words(text);
  std::vector<std::string> rules;
  for (std::string word; words >> word;)
    rules.push_back(word);
  const bool refused = by_rules.change("user", rules).has_value();
  const auto user = by_rules.find("user");
  if (refused != (user == nullptr)) std::abort();
  if (user != nullptr) {
    static_cast<void>(user->may_touch(text, {.read = true, .write = true}));
    static_cast<void>(user->may_use_channel(text, true));
    const std::string written = by_rules.text();
    Acl again(table);
    if (again.load(written) || again.text() != written) std::abort();
  }
  return 0;
}
