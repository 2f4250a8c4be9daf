#include "observe/gzip.h"

#include <new>

#include <zlib.h>

namespace ullage::observe {

std::string gzip(std::string_view bytes) {
  constexpr int k_level = 3;
  constexpr int k_gzip_window_bits = 15 + 16;  // 16: a gzip header
  constexpr int k_memory_level = 8;
  z_stream stream{};
  if (deflateInit2(&stream, k_level, Z_DEFLATED, k_gzip_window_bits, k_memory_level,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string out;
  out.resize(deflateBound(&stream, static_cast<uLong>(bytes.size())));
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);  // its bound holds all of it
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::optional<std::string> gunzip(std::string_view bytes, std::size_t bytes_max) {
  z_stream stream{};
  constexpr int k_gzip = 15 + 16;  // the largest window, and gzip's frame
  if (::inflateInit2(&stream, k_gzip) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= bytes_max) {
    char part[16384];
    stream.next_out = reinterpret_cast<Bytef*>(part);
    stream.avail_out = sizeof part;
    status = ::inflate(&stream, Z_NO_FLUSH);
    out.append(part, sizeof part - stream.avail_out);
  }
  ::inflateEnd(&stream);
  if (status != Z_STREAM_END || out.size() > bytes_max) return std::nullopt;
  return out;
}

}  // namespace ullage::observe
