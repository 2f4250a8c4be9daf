#include "server/classes_api.h"

#include "command/host.h"
#include "server/class_text.h"
#include "server/query.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace ullage::server {

namespace {

using Json = nlohmann::ordered_json;
using Problem = std::optional<std::string>;

Json limits_json(const ClassLimits& limits) {
  return {{"min", limits.min},
          {"low", limits.low},
          {"high", limits.high},
          {"max", limits.max},
          {"max_fields", limits.max_fields},
          {"max_bytes", limits.max_bytes},
          {"idle_ttl_ms", limits.idle_ttl.count()},
          {"ttl_ms", limits.ttl.count()},
          {"weight", limits.weight}};
}

AdminResponse shown(const Cache& cache) {
  Json all = Json::array();
  for (const ClassInfo& one : cache.classes()) {
    all.push_back({{"pattern", one.pattern},
                   {"parent", one.parent},
                   {"limits", limits_json(one.limits)},
                   {"settled", one.settled},
                   {"bytes", one.bytes},
                   {"own_bytes", one.own_bytes},
                   {"entries", one.entries},
                   {"groups", one.groups},
                   {"hits", one.hits},
                   {"misses", one.misses},
                   {"evicted", one.evicted},
                   {"expired", one.expired},
                   {"limited", one.limited},
                   {"min_now", one.min_now},
                   {"max_now", one.max_now}});
  }
  // Patterns are bytes, and JSON is not.
  constexpr auto k_replace = Json::error_handler_t::replace;
  return {.content_type = "application/json",
          .body = Json{{"classes", std::move(all)}}.dump(2, ' ', false, k_replace) + "\n"};
}

/// The limits of a class as pairs of words; the texts live in `texts`.
Problem read_limits(const Json& limits, std::vector<std::pair<std::string, std::string>>& texts) {
  if (!limits.is_object()) return "limits is an object";
  for (const auto& [name, value] : limits.items()) {
    // As they are shown, times say their unit.
    const bool is_time = name == "idle_ttl_ms" || name == "ttl_ms";
    std::string key = is_time ? name.substr(0, name.size() - 3) : name;
    if (value.is_string()) {
      texts.emplace_back(std::move(key), value.get<std::string>());
    } else if (value.is_number_unsigned()) {
      texts.emplace_back(std::move(key), std::to_string(value.get<std::uint64_t>()));
    } else {
      return name + " is a number or a text like 48mb";
    }
  }
  return std::nullopt;
}

struct Read {
  std::string pattern;
  std::vector<std::pair<std::string, std::string>> limits;
};
Problem read_class(const Json& json, Read& read) {
  if (!json.is_object() || !json.contains("pattern") || !json["pattern"].is_string())
    return "a class has a pattern, and limits";
  for (const auto& [name, value] : json.items()) {
    if (name != "pattern" && name != "limits")
      return "a class has a pattern and limits, not '" + name + "'";
  }
  read.pattern = json["pattern"].get<std::string>();
  return json.contains("limits") ? read_limits(json["limits"], read.limits) : std::nullopt;
}

Problem change_one(command::Host& host, const Json& json) {
  Read read;
  if (Problem problem = read_class(json, read)) return problem;
  std::vector<command::Host::ClassLimit> limits(read.limits.begin(), read.limits.end());
  return host.set_class(read.pattern, limits);
}

Problem replace_all(command::Host& host, const Json& json) {
  if (!json.is_array()) return "classes is a list";
  std::vector<ClassDefinition> classes;
  for (const Json& one : json) {
    Read read;
    if (Problem problem = read_class(one, read)) return problem;
    ClassDefinition& made = classes.emplace_back();
    made.pattern = read.pattern;
    for (const auto& [name, value] : read.limits) {
      if (Problem problem = set_class_limit(made.limits, name, value))
        return read.pattern + " " + *problem;
    }
  }
  const command::Host::SettingValue value{"classes", classes_text(classes)};
  if (auto problem = host.set_settings(std::span(&value, 1))) return problem->what;
  return std::nullopt;
}

}  // namespace

AdminResponse classes_api(command::Services& services, const AdminRequest& request) {
  if (request.method == AdminRequest::Method::read) return shown(services.cache);
  if (!request.is_authorized) return refused_without_token();
  if (request.method == AdminRequest::Method::remove) {
    const auto query = Query::parse(request.query);
    if (!query || query->unknown({"pattern"}) || !query->has("pattern"))
      return refused(400, "there is one parameter, pattern");
    const auto removed = services.host.remove_class(query->text("pattern").value_or(""));
    if (!removed) return refused(400, removed.error().message);
    return *removed ? shown(services.cache) : refused(404, "no such class");
  }
  const Json json = Json::parse(request.body, nullptr, false);
  if (json.is_discarded() || !json.is_object()) return refused(400, "the body is no JSON object");
  const Problem problem = json.contains("classes") ? replace_all(services.host, json["classes"])
                                                   : change_one(services.host, json);
  if (problem) return refused(400, *problem);
  return shown(services.cache);
}

}  // namespace ullage::server
