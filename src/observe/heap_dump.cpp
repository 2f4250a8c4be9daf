#include "observe/heap_dump.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ullage::observe {

namespace {

/// What is left of a text, taken piece by piece.
class Rest {
 public:
  explicit Rest(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] bool is_empty() const noexcept { return text_.empty(); }
  bool take(std::string_view expected) noexcept {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  std::string_view line() noexcept {
    const std::string_view line = text_.substr(0, text_.find('\n'));
    text_.remove_prefix(std::min(text_.size(), line.size() + 1));
    return line;
  }
  bool number(std::uint64_t& value, int base = 10) noexcept {
    const auto [end, problem] =
        std::from_chars(text_.data(), text_.data() + text_.size(), value, base);
    if (problem != std::errc()) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }

 private:
  std::string_view text_;
};

bool parse_counts(Rest line, HeapCounts& counts) noexcept {
  return line.number(counts.live_objects) && line.take(": ") && line.number(counts.live_bytes) &&
         line.take(" [") && line.number(counts.all_objects) && line.take(": ") &&
         line.number(counts.all_bytes) && line.take("]");
}

bool parse_addresses(Rest line, std::vector<std::uint64_t>& addresses) {
  while (line.take(" ")) {
    std::uint64_t address = 0;
    if (!line.take("0x") || !line.number(address, 16)) return false;
    addresses.push_back(address);
  }
  return line.is_empty();
}

}  // namespace

std::optional<HeapDump> parse_heap_dump(std::string_view text) {
  Rest rest(text);
  HeapDump dump;
  if (!rest.take("heap_v2/") || !rest.number(dump.sample_bytes) || dump.sample_bytes == 0)
    return std::nullopt;
  rest.line();
  bool is_whole = true;  // nothing of a stack is missing
  while (!rest.is_empty()) {
    const std::string_view line = rest.line();
    if (line.starts_with("MAPPED_LIBRARIES:")) break;
    if (line.starts_with('@')) {
      if (!is_whole) return std::nullopt;
      is_whole = false;
      dump.stacks.emplace_back();
      if (!parse_addresses(Rest(line.substr(1)), dump.stacks.back().addresses)) return std::nullopt;
    } else if (Rest counts(line); counts.take("  t*: ")) {
      // Before the first stack: of all stacks together.
      if (dump.stacks.empty()) continue;
      if (!parse_counts(counts, dump.stacks.back().counts)) return std::nullopt;
      is_whole = true;
    }
  }
  if (!is_whole) return std::nullopt;
  return dump;
}

Unsampled unsampled(std::uint64_t objects, std::uint64_t bytes,
                    std::uint64_t sample_bytes) noexcept {
  if (objects == 0 || bytes == 0) return {};
  const double mean = static_cast<double>(bytes) / static_cast<double>(objects);
  const double scale = 1 / -std::expm1(-mean / static_cast<double>(sample_bytes));
  return {.objects = static_cast<double>(objects) * scale,
          .bytes = static_cast<double>(bytes) * scale};
}

}  // namespace ullage::observe
