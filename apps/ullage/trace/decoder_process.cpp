#include "trace/decoder_process.h"

#include "base/failure.h"
#include "trace/decompress.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ullage::app {

DecoderProcess::DecoderProcess(std::unique_ptr<FileSource> file) {
  void* page =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw Failure(fmt::format("cannot map a page: {}", std::strerror(errno)));
  shared_ = new (page) Shared{};
  int ends[2];
  if (::pipe(ends) != 0) {
    ::munmap(shared_, sizeof(Shared));
    throw Failure(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  child_ = ::fork();
  if (child_ == 0) {
    ::close(ends[0]);
    decode(std::move(file), ends[1], *shared_);
  }
  ::close(ends[1]);
  from_ = ends[0];
  if (child_ < 0) {
    ::close(from_);
    ::munmap(shared_, sizeof(Shared));
    throw Failure(fmt::format("cannot fork: {}", std::strerror(errno)));
  }
}

void DecoderProcess::decode(std::unique_ptr<FileSource> file, int to, Shared& shared) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE,
           SIG_DFL);  // a parent that stops reading ends this process: nothing is left to do
  try {
    const auto source = open_decompressed(std::move(file));
    std::vector<char> piece(k_compressed_piece_bytes);
    for (;;) {
      const std::size_t size = source->read(piece.data(), piece.size());
      shared.consumed.store(source->consumed(), std::memory_order_relaxed);
      if (size == 0) ::_exit(0);
      for (std::size_t done = 0; done < size;) {
        const ssize_t wrote = ::write(to, piece.data() + done, size - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) ::_exit(k_exit_failure);
        done += static_cast<std::size_t>(wrote);
      }
    }
  } catch (const std::exception& error) {
    std::snprintf(shared.message, sizeof shared.message, "%s", error.what());
    shared.failed.store(true, std::memory_order_release);  // pairs with the acquire in read()
  }
  ::_exit(k_exit_failure);
}

DecoderProcess::~DecoderProcess() {
  ::close(from_);
  if (child_ > 0) {
    ::kill(child_, SIGKILL);  // our own child, by its id: it may be busy far from its next write
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  ::munmap(shared_, sizeof(Shared));
}

std::size_t DecoderProcess::read(char* to, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(from_, to, size);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got < 0 && errno == EINTR) continue;
    break;
  }
  if (child_ < 0) return 0;
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  // An end that the child did not mean is an error, whatever it had written before.
  if (shared_->failed.load(std::memory_order_acquire)) throw Failure(shared_->message);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Failure("the decompressor's process died");
  return 0;
}

std::uint64_t DecoderProcess::consumed() const {
  return shared_->consumed.load(std::memory_order_relaxed);
}

}  // namespace ullage::app
