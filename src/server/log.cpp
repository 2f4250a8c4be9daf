#include "server/log.h"

#include <array>
#include <chrono>
#include <ctime>

#include <nlohmann/json.hpp>

namespace ullage::server {

namespace {

constexpr std::array<std::string_view, 4> k_level_names{"debug", "info", "warning", "error"};

/// A stranger's bytes for a terminal.
std::string escaped(std::string_view bytes) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"') {
      text += '\\';
      text += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      text += k_digits[byte >> 4];
      text += k_digits[byte & 15];
    }
  }
  return text;
}

std::string timestamp_now() {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const std::time_t seconds = system_clock::to_time_t(now);
  const auto millis = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t bytes = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + bytes, sizeof text - bytes, ".%03dZ", static_cast<int>(millis));
  return text;
}

}  // namespace

std::string log_line(LogFormat format, LogLevel level, std::string_view timestamp,
                     std::string_view event, std::span<const LogField> fields) {
  const std::string_view level_name = k_level_names[static_cast<std::size_t>(level)];
  if (format == LogFormat::json) {
    // The names that ECS collectors know.
    nlohmann::ordered_json line;
    line["@timestamp"] = timestamp;
    line["log.level"] = level_name;
    line["message"] = event;
    line["service.name"] = "ullage";
    for (const LogField& field : fields) {
      if (field.is_number) {
        line[std::string(field.name)] = nlohmann::ordered_json::parse(field.value);
      } else {
        line[std::string(field.name)] = escaped(field.value);
      }
    }
    return line.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
  }
  std::string line =
      std::string(timestamp) + " " + std::string(level_name) + " " + std::string(event);
  for (const LogField& field : fields) {
    line += " " + std::string(field.name) + "=";
    line += field.is_number ? field.value : '"' + escaped(field.value) + '"';
  }
  return line;
}

void Log::write(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  if (level < least_) return;
  const std::string line = log_line(format_, level, timestamp_now(), event, fields) + "\n";
  const std::scoped_lock lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), to_);
  std::fflush(to_);
}

}  // namespace ullage::server
