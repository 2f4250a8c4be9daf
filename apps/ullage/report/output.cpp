#include "report/output.h"

#include "base/failure.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/core.h>

namespace ullage::app {

void expect_writable(const std::string& path) {
  const std::string fresh = path + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "wbe");
  if (file == nullptr)
    throw Failure(fmt::format("--report: cannot write {}: {}", path, std::strerror(errno)));
  std::fclose(file);
  std::remove(fresh.c_str());
}

void write_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "wbe");
  if (file == nullptr)
    throw Failure(fmt::format("--report: cannot write {}: {}", path, std::strerror(errno)));
  const bool wrote = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const bool closed = std::fclose(file) == 0;
  if (!wrote || !closed || std::rename(fresh.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    std::remove(fresh.c_str());
    throw Failure(fmt::format("--report: cannot write {}: {}", path, std::strerror(reason)));
  }
}

}  // namespace ullage::app
