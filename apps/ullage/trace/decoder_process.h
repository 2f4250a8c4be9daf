// A decompressor in a process of its own.
//
// An xz window alone may take 64 MiB. In this process it would stand in the middle of the resident
// memory that a replay is about to measure; in a child it does not, and decoding overlaps with the
// cache's work on a second core.
#pragma once

#include "trace/byte_source.h"
#include "trace/file_source.h"

#include <atomic>
#include <cstdint>
#include <memory>

#include <sys/types.h>

namespace ullage::app {

class DecoderProcess final : public ByteSource {
 public:
  /// Forks. REQUIRES: no other thread runs in this process.
  explicit DecoderProcess(std::unique_ptr<FileSource> file);
  ~DecoderProcess() override;  // ends the child, read to its end or not
  DecoderProcess(const DecoderProcess&) = delete;
  DecoderProcess& operator=(const DecoderProcess&) = delete;

  std::size_t read(char* to, std::size_t size) override;
  [[nodiscard]] std::uint64_t consumed() const override;

 private:
  // The one page that parent and child share.
  struct Shared {
    std::atomic<std::uint64_t> consumed;  // for progress; orders nothing
    std::atomic<bool> failed;  // release: `message` is written; pairs with the acquire in read()
    char message[1024];
  };
  [[noreturn]] static void decode(std::unique_ptr<FileSource> file, int to, Shared& shared);

  Shared* shared_ = nullptr;
  int from_ = -1;
  pid_t child_ = -1;
};

}  // namespace ullage::app
