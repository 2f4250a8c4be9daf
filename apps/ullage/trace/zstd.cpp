// The .zst format, by libzstd; several frames in a row are one stream.
#include "base/failure.h"
#include "trace/decompress.h"

#include <utility>
#include <vector>

#include <fmt/core.h>
#include <zstd.h>

namespace ullage::app {
namespace {

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<FileSource> file)
      : file_(std::move(file)), piece_(k_compressed_piece_bytes), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr)
      throw Failure(fmt::format("{}: cannot start the zstd decoder", file_->path()));
    in_.src = piece_.data();
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  std::size_t read(char* to, std::size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      // The decoder may still hold output of input that it has taken: ask it before the file.
      if (in_.pos == in_.size && !holds_output_) {
        in_.size = file_->read(piece_.data(), piece_.size());
        in_.pos = 0;
        if (in_.size == 0) {
          if (!between_frames_)
            throw Failure(fmt::format("{}: the zstd data ends early", file_->path()));
          return 0;
        }
      }
      const std::size_t left = ZSTD_decompressStream(stream_, &out, &in_);
      if (ZSTD_isError(left) != 0) {
        throw Failure(fmt::format("{}: the zstd data is corrupt: {} (near byte {})", file_->path(),
                                  ZSTD_getErrorName(left), file_->consumed()));
      }
      between_frames_ = left == 0;
      holds_output_ = out.pos == out.size && left != 0;
    }
    return out.pos;
  }
  [[nodiscard]] std::uint64_t consumed() const override { return file_->consumed(); }

 private:
  std::unique_ptr<FileSource> file_;
  std::vector<char> piece_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer in_{};
  bool between_frames_ = false;
  bool holds_output_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_zstd(std::unique_ptr<FileSource> file) {
  return std::make_unique<ZstdSource>(std::move(file));
}

}  // namespace ullage::app
