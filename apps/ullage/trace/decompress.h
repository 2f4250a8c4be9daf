// Compressed files as streams of plain bytes. All of them are read in pieces: memory is bounded by
// the window of the format, never by the file.
#pragma once

#include "trace/byte_source.h"
#include "trace/file_source.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace ullage::app {

enum class Compression : std::uint8_t { none, xz, gzip, zstd };

/// By the magic bytes at the front of a file: names lie, content does not.
Compression detect_compression(std::string_view head) noexcept;

/// Pieces in which compressed bytes are read.
inline constexpr std::size_t k_compressed_piece_bytes = 64 * 1024;

std::unique_ptr<ByteSource> open_xz(std::unique_ptr<FileSource> file);
std::unique_ptr<ByteSource> open_gzip(std::unique_ptr<FileSource> file);
std::unique_ptr<ByteSource> open_zstd(std::unique_ptr<FileSource> file);

/// Opens a file of any of these kinds.
std::unique_ptr<ByteSource> open_decompressed(std::unique_ptr<FileSource> file);

}  // namespace ullage::app
