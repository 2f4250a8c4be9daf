// A file as a stream of bytes, with a look at its first ones.
#pragma once

#include "trace/byte_source.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ullage::app {

class FileSource final : public ByteSource {
 public:
  /// Throws Failure when the file cannot be opened or is a directory. "-" is standard input.
  explicit FileSource(std::string path);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t read(char* to, std::size_t size) override;
  [[nodiscard]] std::uint64_t consumed() const override { return consumed_; }

  /// The first bytes, up to 16, without taking them. Only before the first read().
  std::string_view peek();
  /// Bytes in the file; 0 where that is unknown (a pipe).
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::size_t read_some(char* to, std::size_t size);

  const std::string path_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t consumed_ = 0;
  std::array<char, 16> head_{};
  std::size_t head_size_ = 0;  // bytes peeked ...
  std::size_t head_at_ = 0;    // ... and how many of them read() has given out
};

}  // namespace ullage::app
