#include "server/settings.h"

#include <algorithm>
#include <exception>
#include <sstream>

#include <toml++/toml.h>

namespace ullage::server {

namespace {
/// A TOML value as a flag would have it.
std::optional<std::string> text_of(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return text;
  if (const auto flag = node.value_exact<bool>()) return *flag ? "yes" : "no";
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const toml::array* list = node.as_array()) {
    std::string all;
    for (const toml::node& element : *list) {
      const auto text = element.value_exact<std::string>();
      if (!text) return std::nullopt;
      all += (all.empty() ? "" : " ") + *text;
    }
    return all;
  }
  return std::nullopt;
}
std::string place(const std::string& path, const toml::source_region& source) {
  return path + ":" + std::to_string(source.begin.line);
}
}  // namespace

Problem read_settings_file(Settings& settings, const std::string& path) {
  try {
    const toml::table table = toml::parse_file(path);
    for (const auto& [key, node] : table) {
      const auto rows = setting_table();
      const auto setting = std::find_if(
          rows.begin(), rows.end(), [&](const Setting& s) { return s.toml_name() == key.str(); });
      const std::string where = place(path, key.source());
      if (setting == rows.end())
        return where + ": there is no setting '" + std::string(key.str()) + "'";
      const auto text = text_of(node);
      if (!text) return where + ": '" + std::string(key.str()) + "' is a text, a number or a list";
      if (const Problem problem = set_setting(settings, *setting, *text))
        return where + ": " + *problem;
    }
  } catch (const toml::parse_error& error) {
    return place(path, error.source()) + ": " + std::string(error.description());
  }
  return std::nullopt;
}

}  // namespace ullage::server
