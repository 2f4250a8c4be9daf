// Any bytes as JSON texts, patches and paths: what is taken comes back as it is, what is refused
// changes nothing, and the books balance.
//
//   | text 0 | zero byte | text 1 | ... : the first is put as a document, the others are tried on
//   it
#include <ullage/document.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string whole(ullage::Documents& documents) {
  const auto json = documents.get("d");
  if (!json) std::abort();
  return *json ? (*json)->text : std::string();
}

void require(bool is_so) {
  if (!is_so) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using ullage::Documents;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&] {
    const std::size_t end = rest.find('\0');
    const std::string_view text = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return text;
  };
  ullage::Options options;
  options.memory_limit = ullage::k_memory_limit_min_bytes;
  options.maintenance = ullage::Maintenance::manual;
  ullage::Cache cache = ullage::Cache::open(options).value();
  Documents documents(cache);
  if (!documents.put("d", next())) {
    require(!cache.contains_group("d"));
    return 0;
  }
  while (!rest.empty()) {
    const std::string before = whole(documents);
    // What comes out is JSON, and comes out again as it is.
    require(documents.put("again", before).has_value());
    require(documents.get("again").value()->text == before);

    const std::string_view text = next();
    const auto erased = [&]() -> bool {
      const auto done = documents.erase("d", text);
      return done && done->outcome == ullage::JsonErased::Outcome::erased;
    };
    bool is_changed = false;
    switch (text.size() % 5) {
      case 0:
        is_changed = documents.patch("d", text).has_value();
        break;
      case 1:
        is_changed = documents.merge("d", "", text).has_value();
        break;
      case 2:
        is_changed = documents.put("d", text, "[1,{\"a\":null}]").has_value();
        break;
      case 3:
        is_changed = erased();
        break;
      default:
        static_cast<void>(documents.find("d", {.pattern = std::string(text)}));
        static_cast<void>(documents.get("d", text));
    }
    if (!is_changed) require(whole(documents) == before);
    if (!cache.contains_group("d")) break;
  }
  require(cache.validate().ok);
  return 0;
}
