// Trace files for tests: written into a folder that goes with the test, compressed as asked.
#pragma once

#include "trace/decompress.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace ullage::app {

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "ullage-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] std::string write(const std::string& name, std::string_view content) const {
    const auto path = path_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string compress(Compression kind, std::string_view text) {
  std::string packed(text.size() + 4096, '\0');
  auto* to = reinterpret_cast<std::uint8_t*>(packed.data());
  const auto* from = reinterpret_cast<const std::uint8_t*>(text.data());
  std::size_t size = 0;
  switch (kind) {
    case Compression::none:
      return std::string(text);
    case Compression::xz:
      EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr, from, text.size(), to, &size,
                                        packed.size()),
                LZMA_OK);
      break;
    case Compression::gzip: {
      z_stream stream{};
      EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
      stream.next_in = const_cast<Bytef*>(from);
      stream.avail_in = static_cast<unsigned>(text.size());
      stream.next_out = to;
      stream.avail_out = static_cast<unsigned>(packed.size());
      EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
      size = stream.total_out;
      deflateEnd(&stream);
      break;
    }
    case Compression::zstd:
      size = ZSTD_compress(to, packed.size(), from, text.size(), 1);
      break;
  }
  packed.resize(size);
  return packed;
}

}  // namespace ullage::app
