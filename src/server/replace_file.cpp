#include "server/replace_file.h"

#include "server/descriptor.h"

#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ullage::server {

Problem replace_file(const std::string& path, std::string_view text,
                     const std::function<Problem(const std::string& draft)>& check) {
  const std::string draft = path + ".new";
  ::unlink(draft.c_str());
  Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         S_IRUSR | S_IWUSR));
  const auto failed = [&](const std::string& what) -> Problem {
    const std::string why = std::generic_category().message(errno);
    ::unlink(draft.c_str());
    return "cannot write " + what + ": " + why;
  };
  if (!file.is_open()) return failed(draft);
  struct stat before{};
  const bool is_new = ::stat(path.c_str(), &before) != 0;
  if (is_new && errno != ENOENT) return failed(path);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed(draft);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return failed(draft);
  file.reset();
  if (check) {
    if (Problem problem = check(draft)) {
      ::unlink(draft.c_str());
      return problem;
    }
  }
  const bool is_kept = is_new || (::chown(draft.c_str(), before.st_uid, before.st_gid) == 0 &&
                                  ::chmod(draft.c_str(), before.st_mode & 07777) == 0);
  if (!is_kept || std::rename(draft.c_str(), path.c_str()) != 0) return failed(path);
  return std::nullopt;
}

}  // namespace ullage::server
