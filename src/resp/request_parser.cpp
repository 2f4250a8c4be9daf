#include "resp/request_parser.h"

#include "resp/number.h"

#include <climits>
#include <optional>
#include <utility>

namespace ullage::resp {

namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}
int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A line that announces a small number, as nearly all do: its mark, one to four digits without a
/// leading zero, its end.
struct ShortLine {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  ///< of the whole line; 0: it is not like that, or not all there
};
ShortLine short_line(std::string_view bytes, char mark) noexcept {
  constexpr std::size_t k_digits_max = 4;
  if (bytes.size() < 1 + k_digits_max + 2 || bytes[0] != mark) return {};
  ShortLine line;
  std::size_t at = 1;
  for (; at <= k_digits_max; ++at) {
    const auto digit = static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])) - '0';
    if (digit > 9) break;
    line.value = line.value * 10 + digit;
  }
  const bool is_plain = at > 1 && (at == 2 || bytes[1] != '0');
  if (is_plain && bytes[at] == '\r' && bytes[at + 1] == '\n') line.bytes = at + 2;
  return line;
}

/// One word of a line, quotes taken off, from `at` on; false if a quote does not end, or goes on
/// behind its end.
bool unquote_word(std::string_view line, std::size_t& at, std::string& out) {
  enum class Quote : std::uint8_t { none, single, twofold };
  Quote quote = Quote::none;
  for (; at < line.size(); ++at) {
    const char c = line[at];
    switch (quote) {
      case Quote::none:
        if (is_blank(c)) return true;
        if (c == '"') {
          quote = Quote::twofold;
        } else if (c == '\'') {
          quote = Quote::single;
        } else {
          out += c;
        }
        break;
      case Quote::single:
        if (c == '\\' && at + 1 < line.size() && line[at + 1] == '\'') {
          out += '\'';
          ++at;
        } else if (c == '\'') {
          ++at;
          return at == line.size() || is_blank(line[at]);
        } else {
          out += c;
        }
        break;
      case Quote::twofold:
        if (c == '\\' && at + 3 < line.size() && line[at + 1] == 'x' &&
            hex_digit(line[at + 2]) >= 0 && hex_digit(line[at + 3]) >= 0) {
          out += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
          at += 3;
        } else if (c == '\\' && at + 1 < line.size()) {
          constexpr std::string_view k_names = "nrtba";
          constexpr std::string_view k_bytes = "\n\r\t\b\a";
          const char escaped = line[++at];
          const std::size_t known = k_names.find(escaped);
          out += known == std::string_view::npos ? escaped : k_bytes[known];
        } else if (c == '"') {
          ++at;
          return at == line.size() || is_blank(line[at]);
        } else {
          out += c;
        }
        break;
    }
  }
  return quote == Quote::none;
}
}  // namespace

RequestParser::Status RequestParser::malformed(std::string what) {
  error_ = "Protocol error: " + std::move(what);
  return Status::malformed;
}

void RequestParser::forget() noexcept {
  args_left_ = at_ = scanned_ = announced_ = 0;
  bulk_bytes_ = -1;
}

RequestParser::Outcome RequestParser::next(std::string_view bytes, const Limits& limits,
                                           RequestBatch& batch) {
  if (bytes.empty()) return {};
  return bytes[0] == '*' ? next_array(bytes, limits, batch) : next_inline(bytes, batch);
}

RequestParser::Outcome RequestParser::next_array(std::string_view bytes, const Limits& limits,
                                                 RequestBatch& batch) {
  const bool resumed = args_left_ != 0;
  const ShortLine head = resumed || scanned_ != 0 ? ShortLine() : short_line(bytes, '*');
  if (head.bytes != 0 && head.value != 0 && head.value <= limits.args_max &&
      !(limits.stranger && head.value > k_unauthenticated_args_max)) {
    begin_args(head.value, head.bytes);
  } else if (!resumed) {
    const std::size_t end = bytes.find('\r', scanned_);
    if (end == std::string_view::npos || end + 2 > bytes.size()) {
      if (bytes.size() > k_line_max_bytes) return {malformed("too big mbulk count string"), 0};
      scanned_ = end == std::string_view::npos ? bytes.size() : end;
      return {};
    }
    scanned_ = 0;
    const auto count = parse_integer(bytes.substr(1, end - 1));
    if (!count || *count > INT_MAX) return {malformed("invalid multibulk length"), 0};
    if (limits.stranger && *count > static_cast<std::int64_t>(k_unauthenticated_args_max))
      return {malformed("unauthenticated multibulk length"), 0};
    if (*count <= 0) return {Status::parsed, end + 2};
    if (static_cast<std::uint64_t>(*count) > limits.args_max) {
      return {malformed("invalid multibulk length: " + std::to_string(*count) +
                        " arguments, at most " + std::to_string(limits.args_max)),
              0};
    }
    begin_args(static_cast<std::size_t>(*count), end + 2);
  }
  // A request that lies there whole goes straight into the batch.
  const auto first = static_cast<std::uint32_t>(batch.slices_.size());
  const Status status = read_args(bytes, limits, resumed ? nullptr : &batch.slices_);
  if (status != Status::parsed) {
    batch.slices_.resize(first);
    return {status, 0};
  }
  if (resumed) collect(bytes, batch.slices_);
  batch.entries_.push_back(
      {bytes.begin(), first, static_cast<std::uint32_t>(batch.slices_.size() - first)});
  const std::size_t consumed = at_;
  forget();
  return {Status::parsed, consumed};
}

void RequestParser::begin_args(std::size_t count, std::size_t at) noexcept {
  args_ = args_left_ = count;
  args_at_ = at_ = at;
}

void RequestParser::collect(std::string_view bytes, std::vector<Slice>& slices) const {
  slices.reserve(slices.size() + args_);
  std::size_t at = args_at_;
  for (std::size_t i = 0; i < args_; ++i) {
    const std::size_t end = bytes.find('\r', at);
    const auto length =
        static_cast<std::size_t>(parse_integer(bytes.substr(at + 1, end - at - 1)).value_or(0));
    at = end + 2;
    slices.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length)});
    at += length + 2;
  }
}

RequestParser::Status RequestParser::read_args(std::string_view bytes, const Limits& limits,
                                               std::vector<Slice>* slices) {
  while (args_left_ != 0) {
    if (bulk_bytes_ < 0 && scanned_ == 0) {
      const ShortLine line = short_line(bytes.substr(at_), '$');
      if (line.bytes != 0 && line.value <= limits.bulk_max_bytes &&
          !(limits.stranger && line.value > k_unauthenticated_bulk_max_bytes) &&
          at_ + line.bytes + line.value + 2 <= bytes.size()) {
        at_ += line.bytes;
        if (slices != nullptr) slices->push_back({static_cast<std::uint32_t>(at_), line.value});
        at_ += line.value + 2;
        --args_left_;
        continue;
      }
    }
    if (bulk_bytes_ < 0) {
      const std::size_t end = bytes.find('\r', at_ + scanned_);
      if (end == std::string_view::npos || end + 2 > bytes.size()) {
        if (bytes.size() - at_ > k_line_max_bytes) return malformed("too big bulk count string");
        scanned_ = (end == std::string_view::npos ? bytes.size() : end) - at_;
        return Status::incomplete;
      }
      scanned_ = 0;
      if (bytes[at_] != '$') {
        // The byte may be one that no terminal should see.
        const char c = bytes[at_];
        const bool plain = c >= ' ' && c <= '~';
        return malformed(std::string("expected '$', got '") + (plain ? c : '?') + "'");
      }
      const auto length = parse_integer(bytes.substr(at_ + 1, end - at_ - 1));
      if (!length || *length < 0) return malformed("invalid bulk length");
      if (limits.stranger && *length > static_cast<std::int64_t>(k_unauthenticated_bulk_max_bytes))
        return malformed("unauthenticated bulk length");
      if (static_cast<std::uint64_t>(*length) > limits.bulk_max_bytes) {
        return malformed("invalid bulk length: " + std::to_string(*length) + " bytes, at most " +
                         std::to_string(limits.bulk_max_bytes));
      }
      bulk_bytes_ = *length;
      at_ = end + 2;
      announced_ = at_ + static_cast<std::size_t>(bulk_bytes_) + 2;
      if (announced_ > limits.request_max_bytes) {
        return malformed("request of more than " + std::to_string(limits.request_max_bytes) +
                         " bytes");
      }
    }
    const auto length = static_cast<std::size_t>(bulk_bytes_);
    if (bytes.size() < at_ + length + 2) return Status::incomplete;
    if (slices != nullptr)
      slices->push_back({static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(length)});
    at_ += length + 2;
    bulk_bytes_ = -1;
    --args_left_;
  }
  return Status::parsed;
}

// The limits are not asked: a line is shorter than any of them.
RequestParser::Outcome RequestParser::next_inline(std::string_view bytes, RequestBatch& batch) {
  const std::size_t end = bytes.find('\n', scanned_);
  if (end == std::string_view::npos ? bytes.size() > k_line_max_bytes : end > k_line_max_bytes) {
    return {malformed("too big inline request"), 0};
  }
  if (end == std::string_view::npos) {
    scanned_ = bytes.size();
    return {};
  }
  scanned_ = 0;
  std::string_view line = bytes.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  auto words = std::make_unique<std::string>();
  const auto first = static_cast<std::uint32_t>(batch.slices_.size());
  for (std::size_t at = 0;;) {
    while (at < line.size() && is_blank(line[at]))
      ++at;
    if (at == line.size()) break;
    const std::size_t begin = words->size();
    if (!unquote_word(line, at, *words)) {
      batch.slices_.resize(first);
      return {malformed("unbalanced quotes in request"), 0};
    }
    batch.slices_.push_back(
        {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(words->size() - begin)});
  }
  const std::size_t count = batch.slices_.size() - first;
  if (count != 0) {
    batch.entries_.push_back({words->data(), first, static_cast<std::uint32_t>(count)});
    batch.lines_.push_back(std::move(words));
  }
  return {Status::parsed, end + 1};
}

}  // namespace ullage::resp
