// The .gz format, by zlib; several members in a row are one stream, as gzip has it.
#include "base/failure.h"
#include "trace/decompress.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <zlib.h>

namespace ullage::app {
namespace {

constexpr int k_gzip_wrapper = 16 + MAX_WBITS;  // zlib's way to say "gzip header, largest window"
constexpr std::size_t k_output_max = 1u << 30;  // zlib counts output in an unsigned int

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<FileSource> file)
      : file_(std::move(file)), piece_(k_compressed_piece_bytes) {
    if (inflateInit2(&stream_, k_gzip_wrapper) != Z_OK) {
      throw Failure(fmt::format("{}: cannot start the gzip decoder", file_->path()));
    }
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(char* to, std::size_t size) override {
    const auto room = static_cast<unsigned>(std::min(size, k_output_max));
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = room;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0) {
        stream_.avail_in = static_cast<unsigned>(file_->read(piece_.data(), piece_.size()));
        stream_.next_in = reinterpret_cast<Bytef*>(piece_.data());
        if (stream_.avail_in == 0) {
          if (!between_members_)
            throw Failure(fmt::format("{}: the gzip data ends early", file_->path()));
          return 0;
        }
      }
      if (between_members_) {
        inflateReset(&stream_);
        between_members_ = false;
      }
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        between_members_ = true;
      } else if (code != Z_OK) {
        throw Failure(fmt::format("{}: the gzip data is corrupt (near byte {})", file_->path(),
                                  file_->consumed()));
      }
    }
    return room - stream_.avail_out;
  }
  [[nodiscard]] std::uint64_t consumed() const override { return file_->consumed(); }

 private:
  std::unique_ptr<FileSource> file_;
  std::vector<char> piece_;
  z_stream stream_{};
  bool between_members_ = false;  // a member has ended and none has begun: the file may end here
};

}  // namespace

std::unique_ptr<ByteSource> open_gzip(std::unique_ptr<FileSource> file) {
  return std::make_unique<GzipSource>(std::move(file));
}

}  // namespace ullage::app
