#include "trace/reader.h"

#include "base/escape.h"
#include "base/failure.h"
#include "trace/decoder_process.h"
#include "trace/decompress.h"
#include "trace/file_source.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace ullage::app {
namespace {

// A header line or two and the first records: enough to tell the formats apart.
constexpr std::size_t k_detect_bytes = 4096;

}  // namespace

TraceReader::TraceReader(const std::string& path, const ReaderOptions& options)
    : path_(path), skip_bad_(options.skip_bad) {
  auto file = std::make_unique<FileSource>(path);
  file_bytes_ = file->size();
  std::unique_ptr<ByteSource> bytes;
  if (detect_compression(file->peek()) == Compression::none) {
    bytes = std::move(file);
  } else if (options.decode_in_process) {
    bytes = open_decompressed(std::move(file));
  } else {
    bytes = std::make_unique<DecoderProcess>(std::move(file));
  }
  input_.emplace(std::move(bytes));
  format_ = options.format ? *options.format : detect_format(path, input_->peek(k_detect_bytes));
  parser_ = make_parser(format_, options.split);
}

bool TraceReader::next(Request& request) {
  for (;;) {
    try {
      ++records_;
      return parser_->next(*input_, request);
    } catch (const MalformedRecord& bad) {
      if (!skip_bad_) {
        throw Failure(fmt::format("{}:{}: {}: \"{}\"", path_, records_, bad.what(),
                                  escape_excerpt(bad.excerpt())));
      }
      ++skipped_;
    }
  }
}

double TraceReader::progress() const {
  if (file_bytes_ == 0) return -1;
  return std::min(1.0, static_cast<double>(input_->consumed()) / static_cast<double>(file_bytes_));
}

}  // namespace ullage::app
