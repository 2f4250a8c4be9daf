// What the server says to its operator: one line an event, for people or as JSON.
//
// Whatever came from outside is escaped: a line stays a line, and a terminal sees no control bytes.
#pragma once

#include "server/settings.h"

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace ullage::server {

/// One thing that an event is about.
struct LogField {
  std::string_view name;
  std::string value;
  bool is_number = false;

  LogField(std::string_view name_in, std::string_view text) : name(name_in), value(text) {}
  LogField(std::string_view name_in, std::uint64_t number)
      : name(name_in), value(std::to_string(number)), is_number(true) {}
  static LogField number(std::string_view name, std::int64_t number) {
    LogField field(name, std::to_string(number));
    field.is_number = true;
    return field;
  }
};

/// Thread-safe; a line is written in one piece.
class Log {
 public:
  Log(std::FILE* to, LogFormat format, LogLevel least) noexcept
      : to_(to), format_(format), least_(least) {}

  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::debug, event, {fields.begin(), fields.size()});
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, event, {fields.begin(), fields.size()});
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warning, event, {fields.begin(), fields.size()});
  }
  void warning(std::string_view event, std::span<const LogField> fields) {
    write(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, event, {fields.begin(), fields.size()});
  }

 private:
  void write(LogLevel level, std::string_view event, std::span<const LogField> fields);

  std::FILE* to_;
  LogFormat format_;
  LogLevel least_;
  std::mutex mutex_;
};

/// The line, without its end. For tests too.
std::string log_line(LogFormat format, LogLevel level, std::string_view timestamp,
                     std::string_view event, std::initializer_list<LogField> fields);

}  // namespace ullage::server
