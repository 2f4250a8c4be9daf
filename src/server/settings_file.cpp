#include "server/replace_file.h"
#include "server/settings.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

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

namespace {

/// As TOML has it: numbers and yes or no bare, all else quoted.
std::string toml_text(const std::string& text) {
  if (text == "yes") return "true";
  if (text == "no") return "false";
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && std::to_string(number) == text)
    return text;
  std::ostringstream quoted;
  quoted << toml::toml_formatter(toml::value<std::string>(text));
  return quoted.str();
}

constexpr std::string_view k_gone("\0", 1);  // in place of a line: no line of a text file is this

struct Line {
  std::size_t begin;  // from 1
  std::size_t end;
  std::string name;
};

std::vector<std::string> lines_of(std::istream& in) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(std::move(line));
  return lines;
}

}  // namespace

Problem rewrite_settings_file(const Settings& settings, const std::string& path) {
  // What is in it counts, whatever flags said since; so does what it leaves to the default.
  Settings before;
  if (Problem problem = read_settings_file(before, path)) return problem;
  std::ifstream file(path);
  std::vector<std::string> lines = lines_of(file);
  if (file.bad()) return "cannot read " + path;
  file.close();
  std::vector<Line> present;
  try {
    const toml::table table = toml::parse_file(path);
    for (const auto& [key, node] : table)
      present.push_back({key.source().begin.line, node.source().end.line, std::string(key.str())});
  } catch (const toml::parse_error& error) {
    return place(path, error.source()) + ": " + std::string(error.description());
  }
  std::vector<std::string> added;
  for (const Setting& setting : setting_table()) {
    if (!setting.live || setting.get(settings) == setting.get(before)) continue;
    added.push_back(setting.toml_name() + " = " + toml_text(setting.get(settings)));
    for (const Line& line : present) {
      if (line.name != setting.toml_name()) continue;
      lines[line.begin - 1] = std::exchange(added.back(), {});
      for (std::size_t i = line.begin; i < line.end; ++i)
        lines[i] = k_gone;
    }
    if (added.back().empty()) added.pop_back();
  }
  std::erase(lines, k_gone);
  lines.insert(lines.end(), added.begin(), added.end());
  std::string text;
  for (const std::string& line : lines)
    text += line + "\n";
  // What is wrong with it is better known now than at the next start.
  return replace_file(path, text, [](const std::string& draft) {
    Settings checked;
    return read_settings_file(checked, draft);
  });
}

}  // namespace ullage::server
