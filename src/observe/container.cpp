#include <ullage/observe/container.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace ullage::observe {

namespace {

constexpr std::uint64_t k_no_limit = ContainerMemory::k_no_limit;
// Version 1 has no word for no limit: it is the largest number of whole pages.
constexpr std::uint64_t k_v1_no_limit = 0x7ffffffffffff000;
constexpr std::size_t k_file_max_bytes = 64 * 1024;

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(k_file_max_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = text_of(path);
  return text ? number(*text) : std::nullopt;
}

/// None: the file cannot be read.
std::optional<std::uint64_t> limit_in(const std::string& path) {
  const auto text = text_of(path);
  if (!text) return std::nullopt;
  const std::uint64_t limit = number(*text).value_or(k_no_limit);  // "max" is no number
  return limit >= k_v1_no_limit ? k_no_limit : limit;
}

/// Of lines "name number", the number.
std::uint64_t line_of(const std::string& path, std::string_view name) {
  const std::string text = text_of(path).value_or("");
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.starts_with(name) && line.substr(name.size()).starts_with(' '))
      return number(line.substr(name.size() + 1)).value_or(0);
  }
  return 0;
}

/// Which files tell it.
struct Files {
  std::string_view mount;
  std::string_view charged;
  std::string_view limit;
  std::string_view inactive;
};
constexpr Files k_v1{"/sys/fs/cgroup/memory", "/memory.usage_in_bytes", "/memory.limit_in_bytes",
                     "total_inactive_file"};
constexpr Files k_v2{"/sys/fs/cgroup", "/memory.current", "/memory.max", "inactive_file"};

struct Place {
  int version = 0;
  std::string path;
};
/// Our group in /proc/self/cgroup: "0::/path" is of version 2, "7:memory:/path" of version 1, which
/// has the memory where both are there.
Place place_of(const std::string& root) {
  const std::string text = text_of(root + "/proc/self/cgroup").value_or("");
  std::string_view rest = text;
  Place place;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string controllers =
        "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const std::string_view path = line.substr(second + 1);
    if (controllers.find(",memory,") != std::string::npos) return {1, std::string(path)};
    if (line.starts_with("0::")) place = {2, std::string(path)};
  }
  return place;
}

std::uint64_t room_below(std::uint64_t limit, std::uint64_t charged) noexcept {
  return limit == k_no_limit ? k_no_limit : limit - std::min(limit, charged);
}

}  // namespace

ContainerMemory container_memory(const std::string& root) {
  ContainerMemory memory;
  const Place place = place_of(root);
  if (place.version == 0) return memory;
  const Files& files = place.version == 1 ? k_v1 : k_v2;
  const std::string mount = root + std::string(files.mount);
  std::string path = place.path == "/" ? "" : place.path;
  // A group without the memory's accounts is part of one around it that has them. And in a
  // container the kernel may name a path that is seen from outside alone; what is mounted is our
  // group then.
  const auto charged_of = [&] { return number_in(mount + path + std::string(files.charged)); };
  auto charged = charged_of();
  for (; !charged && !path.empty(); charged = charged_of())
    path.resize(std::min(path.rfind('/'), path.size() - 1));
  // The outermost group of version 2 has no accounts, and no limit: there is no container.
  if (!charged) return memory;
  const std::string ours = mount + path;
  memory.version = place.version;
  memory.path = place.path;
  memory.charged = *charged;
  memory.inactive_files = line_of(ours + "/memory.stat", files.inactive);
  memory.limit_hits = place.version == 1 ? number_in(ours + "/memory.failcnt").value_or(0)
                                         : line_of(ours + "/memory.events", "max");
  memory.oom_kills =
      line_of(ours + (place.version == 1 ? "/memory.oom_control" : "/memory.events"), "oom_kill");
  if (place.version == 2) {
    if (const auto text = text_of(ours + "/memory.pressure")) {
      constexpr std::string_view k_average = "avg10=";
      const std::size_t at = text->find(k_average);
      if (at != std::string::npos)
        memory.pressure_percent = std::strtod(text->c_str() + at + k_average.size(), nullptr);
    }
  }
  bool is_known = false;  // the fullest
  while (true) {
    const std::string group = mount + path;
    const std::uint64_t used = number_in(group + std::string(files.charged)).value_or(0);
    const auto told_limit = limit_in(group + std::string(files.limit));
    // A group within another always has the file: it has gone meanwhile, or may not be read. Half
    // of the truth would say that there is no limit.
    if (group == ours && !path.empty() && !told_limit) return {};
    memory.groups += told_limit ? 1 : 0;
    const std::uint64_t limit = told_limit.value_or(k_no_limit);
    const std::uint64_t high =
        place.version == 2 ? limit_in(group + "/memory.high").value_or(k_no_limit) : k_no_limit;
    memory.limit = std::min(memory.limit, limit);
    memory.high = std::min(memory.high, high);
    memory.headroom = std::min(memory.headroom, room_below(limit, used));
    if (const std::uint64_t bound = std::min(limit, high); bound != k_no_limit) {
      const std::uint64_t files_bytes = line_of(group + "/memory.stat", files.inactive);
      const std::uint64_t taken = used - std::min(used, files_bytes);
      const auto share = [](std::uint64_t part, std::uint64_t whole) {
        return static_cast<double>(part) / static_cast<double>(std::max<std::uint64_t>(whole, 1));
      };
      if (!is_known || share(taken, bound) > share(memory.tightest_used, memory.tightest_limit)) {
        memory.tightest_limit = bound;
        memory.tightest_used = taken;
      }
      is_known = true;
    }
    if (path.empty()) break;
    path.resize(std::min(path.rfind('/'), path.size()));
  }
  return memory;
}

}  // namespace ullage::observe
