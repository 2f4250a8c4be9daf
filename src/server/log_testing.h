// A log whose lines a test reads.
#pragma once

#include "server/log.h"

#include <cstdio>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

namespace ullage::server {

class LogLines {
 public:
  [[nodiscard]] Log& log() noexcept { return log_; }

  /// All of them.
  [[nodiscard]] std::vector<nlohmann::json> all() {
    read_ = 0;
    return since();
  }
  /// Those since the last call.
  [[nodiscard]] std::vector<nlohmann::json> since() {
    std::fflush(file_.get());
    std::fseek(file_.get(), read_, SEEK_SET);
    std::vector<nlohmann::json> lines;
    char line[2048];
    while (std::fgets(line, sizeof line, file_.get()) != nullptr)
      lines.push_back(nlohmann::json::parse(line));
    read_ = std::ftell(file_.get());
    return lines;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{std::tmpfile(), &std::fclose};
  Log log_{file_.get(), LogFormat::json, LogLevel::info};
  long read_ = 0;
};

}  // namespace ullage::server
