#include "trace/decompress.h"

#include <utility>

namespace ullage::app {

using namespace std::string_view_literals;

Compression detect_compression(std::string_view head) noexcept {
  if (head.starts_with("\xfd"
                       "7zXZ\0"sv)) {
    return Compression::xz;
  }
  if (head.starts_with("\x1f\x8b"sv)) return Compression::gzip;
  if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::zstd;
  return Compression::none;
}

std::unique_ptr<ByteSource> open_decompressed(std::unique_ptr<FileSource> file) {
  switch (detect_compression(file->peek())) {
    case Compression::xz:
      return open_xz(std::move(file));
    case Compression::gzip:
      return open_gzip(std::move(file));
    case Compression::zstd:
      return open_zstd(std::move(file));
    case Compression::none:
      break;
  }
  return file;
}

}  // namespace ullage::app
