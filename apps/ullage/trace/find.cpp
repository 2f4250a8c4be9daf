#include "trace/find.h"

#include "base/escape.h"
#include "base/failure.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <fmt/core.h>

namespace ullage::app {
namespace {

constexpr std::array<std::string_view, 5> k_endings = {"", ".csv", ".csv.xz", ".csv.gz",
                                                       ".csv.zst"};

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) && !std::filesystem::is_directory(path, ignored);
}

}  // namespace

std::vector<std::filesystem::path> trace_folders() {
  std::vector<std::filesystem::path> folders;
  const auto add = [&folders](const std::filesystem::path& folder) {
    if (std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(folder);
  };
  if (const char* named = std::getenv("ULLAGE_TRACES"); named != nullptr && *named != '\0')
    add(named);
  const std::filesystem::path beside = std::filesystem::path("..") / "shared" / "traces";
  add(beside);
  std::error_code ignored;
  auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  // bin, release, build, the repository: no further, or we would search the whole disk.
  for (int level = 0; level < 4 && folder.has_relative_path();
       ++level, folder = folder.parent_path()) {
    const auto candidate = (folder / beside).lexically_normal();
    if (std::filesystem::is_directory(candidate, ignored)) add(candidate);
  }
  return folders;
}

std::optional<std::filesystem::path> find_trace(const std::string& name,
                                                const std::vector<std::filesystem::path>& folders) {
  if (name == "-" || is_file(name)) return name;
  if (name.empty() || name.find('/') != std::string::npos)
    return std::nullopt;  // a path, not a name
  for (const auto& folder : folders) {
    for (const auto ending : k_endings) {
      auto path = folder / (name + std::string(ending));
      if (is_file(path)) return path;
    }
  }
  return std::nullopt;
}

std::filesystem::path require_trace(const std::string& name) {
  const auto folders = trace_folders();
  if (auto found = find_trace(name, folders)) return *found;
  std::error_code ignored;
  if (std::filesystem::is_directory(name, ignored)) {
    throw Failure(fmt::format("{}: is a directory, not a trace", escape_excerpt(name, 200)));
  }
  std::string where;
  for (const auto& folder : folders)
    where += fmt::format("{}{}", where.empty() ? "" : ", ", folder.string());
  throw Failure(fmt::format(
      "no trace \"{}\": neither a file nor a name in {} (ULLAGE_TRACES names another folder)",
      escape_excerpt(name, 200), where));
}

}  // namespace ullage::app
