// The .xz format, by liblzma.
#include "base/failure.h"
#include "trace/decompress.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <lzma.h>

namespace ullage::app {
namespace {

// `xz -9` asks for 65 MiB. A file that wants far more is refused rather than obeyed.
constexpr std::uint64_t k_decoder_memory_max = 512u << 20;

std::string_view explain(lzma_ret code) {
  switch (code) {
    case LZMA_MEMLIMIT_ERROR:
      return "its window is larger than 512 MiB";
    case LZMA_DATA_ERROR:
      return "the xz data is corrupt";
    case LZMA_FORMAT_ERROR:
      return "it is not xz data";
    case LZMA_OPTIONS_ERROR:
      return "it uses xz options that are not supported";
    case LZMA_BUF_ERROR:
      return "the xz data ends early";
    default:
      return "the xz data cannot be decoded";
  }
}

class XzSource final : public ByteSource {
 public:
  explicit XzSource(std::unique_ptr<FileSource> file)
      : file_(std::move(file)), piece_(k_compressed_piece_bytes) {
    if (lzma_stream_decoder(&stream_, k_decoder_memory_max, LZMA_CONCATENATED) != LZMA_OK) {
      throw Failure(fmt::format("{}: cannot start the xz decoder", file_->path()));
    }
  }
  ~XzSource() override { lzma_end(&stream_); }
  XzSource(const XzSource&) = delete;
  XzSource& operator=(const XzSource&) = delete;

  std::size_t read(char* to, std::size_t size) override {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(to);
    stream_.avail_out = size;
    while (!done_ && stream_.avail_out == size) {
      if (stream_.avail_in == 0 && !file_done_) {
        stream_.avail_in = file_->read(piece_.data(), piece_.size());
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(piece_.data());
        file_done_ = stream_.avail_in == 0;
      }
      const lzma_ret code = lzma_code(&stream_, file_done_ ? LZMA_FINISH : LZMA_RUN);
      if (code == LZMA_STREAM_END) {
        done_ = true;
      } else if (code != LZMA_OK) {
        throw Failure(
            fmt::format("{}: {} (near byte {})", file_->path(), explain(code), file_->consumed()));
      }
    }
    return size - stream_.avail_out;
  }
  [[nodiscard]] std::uint64_t consumed() const override { return file_->consumed(); }

 private:
  std::unique_ptr<FileSource> file_;
  std::vector<char> piece_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool file_done_ = false;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_xz(std::unique_ptr<FileSource> file) {
  return std::make_unique<XzSource>(std::move(file));
}

}  // namespace ullage::app
