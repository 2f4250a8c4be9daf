#include "observe/addr2line.h"

#include "base/escape.h"
#include "base/failure.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>

#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ullage::app {

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File scratch_file() {
  File file(std::tmpfile(), std::fclose);
  if (file == nullptr) throw Failure("cannot make a temporary file");
  return file;
}

/// From its beginning; less if it cannot be read.
std::string contents(std::FILE* file) {
  std::string text;
  char bytes[4096];
  for (ssize_t n = 0;
       (n = ::pread(fileno(file), bytes, sizeof bytes, static_cast<off_t>(text.size()))) > 0;)
    text.append(bytes, static_cast<std::size_t>(n));
  return text;
}

/// What the program prints, given that as its input. Files on both sides: neither waits.
std::string run(const std::vector<std::string>& words, const std::string& input) {
  const File in = scratch_file();
  const File out = scratch_file();
  if (std::fwrite(input.data(), 1, input.size(), in.get()) != input.size() ||
      std::fseek(in.get(), 0, SEEK_SET) != 0)
    throw Failure("cannot write a temporary file");

  std::vector<char*> argv;
  for (const std::string& word : words)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(out.get()), STDOUT_FILENO);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    throw Failure(
        fmt::format("--lines needs {} (in the package binutils), or another with "
                    "--addr2line: {}",
                    escape_excerpt(words[0]), std::strerror(failed)));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Failure(fmt::format("{} failed", escape_excerpt(words[0])));
  return contents(out.get());
}

/// Where debug data of that build would lie, apart from its program.
std::string debug_path(const std::string& build_id) {
  constexpr std::size_t k_folder_digits = 2;
  if (build_id.size() <= k_folder_digits) return {};
  return fmt::format("/usr/lib/debug/.build-id/{}/{}.debug", build_id.substr(0, k_folder_digits),
                     build_id.substr(k_folder_digits));
}

}  // namespace

std::vector<observe::SourceLines> parse_addr2line(const std::string& text, std::size_t count) {
  std::vector<observe::SourceLines> found;
  std::string function;
  bool is_function = true;  // the next line; the one behind it is its place
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (is_function && line.starts_with("0x")) {
      if (found.size() == count) break;
      found.emplace_back();
      continue;
    }
    is_function = !is_function;
    if (!is_function) {
      function = line;
      continue;
    }
    // "FILE:LINE", "FILE:LINE (discriminator 3)", "??:0", "FILE:?"
    const std::size_t colon = line.rfind(':');
    if (found.empty() || colon == std::string::npos || function == "??") continue;
    const std::int64_t number = std::strtoll(line.c_str() + colon + 1, nullptr, 10);
    if (number <= 0) continue;
    const std::string file = std::filesystem::path(line.substr(0, colon)).lexically_normal();
    found.back().push_back({.function = function, .file = file, .line = number});
  }
  found.resize(count);
  return found;
}

std::vector<observe::SourceLines> source_lines(const Addr2line& tool, const observe::CodeFile& file,
                                               std::span<const std::uint64_t> file_offsets) {
  std::string problem;
  for (const std::string& path :
       {tool.binary.empty() ? file.path : tool.binary, file.path, debug_path(file.build_id)}) {
    if (path.empty() || path.front() == '[') continue;
    const auto addresses = observe::code_addresses(path, file.build_id, file_offsets);
    if (!addresses) {
      if (problem.empty()) problem = addresses.error().message;
      continue;
    }
    std::string input;
    for (const std::uint64_t address : addresses.value())
      input += fmt::format("{:#x}\n", address);
    auto lines = parse_addr2line(run({tool.program, "-a", "-f", "-i", "-e", path}, input),
                                 file_offsets.size());
    if (std::ranges::any_of(lines, [](const auto& one) { return !one.empty(); })) return lines;
    problem = path + " has no debug data, and there is none for its build";
  }
  fmt::print(stderr, "no lines of {}: {}\n", escape_excerpt(file.path),
             escape_excerpt(problem.empty() ? "it is no file" : problem));
  return {};
}

}  // namespace ullage::app
