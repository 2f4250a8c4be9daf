#include "trace/file_source.h"

#include "base/failure.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ullage::app {

FileSource::FileSource(std::string path)
    : path_(std::move(path)),
      file_(path_ == "-" ? ::dup(STDIN_FILENO) : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) throw Failure(fmt::format("{}: cannot open: {}", path_, std::strerror(errno)));
  struct stat info{};
  if (::fstat(file_, &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      ::close(file_);
      throw Failure(fmt::format("{}: is a directory, not a trace", path_));
    }
    if (S_ISREG(info.st_mode)) size_ = static_cast<std::uint64_t>(info.st_size);
  }
}

FileSource::~FileSource() {
  ::close(file_);
}

std::size_t FileSource::read_some(char* to, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(file_, to, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR)
      throw Failure(fmt::format("{}: cannot read: {}", path_, std::strerror(errno)));
  }
}

std::string_view FileSource::peek() {
  while (head_size_ < head_.size()) {
    const std::size_t got = read_some(head_.data() + head_size_, head_.size() - head_size_);
    if (got == 0) break;
    head_size_ += got;
  }
  return {head_.data(), head_size_};
}

std::size_t FileSource::read(char* to, std::size_t size) {
  std::size_t got = std::min(size, head_size_ - head_at_);
  if (got != 0) {
    std::memcpy(to, head_.data() + head_at_, got);
    head_at_ += got;
  } else {
    got = read_some(to, size);
  }
  consumed_ += got;
  return got;
}

}  // namespace ullage::app
