// A trace file as a source of requests: decompression, format and error positions put together.
#pragma once

#include "trace/format.h"
#include "trace/request.h"

#include <memory>
#include <optional>
#include <string>

namespace ullage::app {

struct ReaderOptions {
  std::optional<TraceFormat> format;  ///< none: by name and content
  KeySplit split;
  bool skip_bad = false;           ///< count malformed records instead of stopping at the first
  bool decode_in_process = false;  ///< no child for compressed files: for tests and sanitizers
};

class TraceReader final : public RequestSource {
 public:
  /// Throws Failure when the file cannot be opened. Forks for a compressed file (see
  /// DecoderProcess).
  TraceReader(const std::string& path, const ReaderOptions& options);

  /// Throws Failure `PATH:LINE: what is wrong: "excerpt"` at a malformed record, unless skip_bad.
  bool next(Request& request) override;
  [[nodiscard]] double progress() const override;
  [[nodiscard]] std::uint64_t skipped() const override { return skipped_; }

  [[nodiscard]] TraceFormat format() const { return format_; }

 private:
  const std::string path_;
  const bool skip_bad_;
  std::uint64_t file_bytes_ = 0;
  std::optional<InputBuffer> input_;
  TraceFormat format_ = TraceFormat::csv;
  std::unique_ptr<RecordParser> parser_;
  std::uint64_t records_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace ullage::app
