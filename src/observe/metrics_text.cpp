#include "observe/metrics_text.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace ullage::observe {

namespace {

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

constexpr std::string_view type_name(MetricsText::Type type) noexcept {
  switch (type) {
    case MetricsText::Type::counter:
      return "counter";
    case MetricsText::Type::gauge:
      return "gauge";
    case MetricsText::Type::histogram:
      return "histogram";
  }
  return "untyped";
}

/// A label's value must be UTF-8: what is not ASCII text is shown as \xHH, by a backslash that is
/// escaped itself.
void append_escaped(std::string& out, std::string_view bytes) {
  constexpr char k_digits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '"') {
      out += "\\\"";
    } else if (byte < 0x20 || byte >= 0x7f || c == '\\') {  // so that no two look alike
      out += "\\\\x";
      out += k_digits[byte >> 4];
      out += k_digits[byte & 15];
    } else {
      out += c;
    }
  }
}

}  // namespace

void MetricsText::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  type_ = type;
  // Prometheus's own format names a counter's family as its samples.
  std::string shown(name);
  if (type == Type::counter && format_ == Format::prometheus) shown += "_total";
  text_ += "# HELP " + shown + " ";
  for (const char c : help) {
    if (c == '\\' || (c == '"' && format_ == Format::openmetrics)) text_ += '\\';
    text_ += c == '\n' ? ' ' : c;
  }
  text_ += "\n# TYPE " + shown + " ";
  text_ += type_name(type);
  text_ += '\n';
}

void MetricsText::label(bool& is_first, std::string_view name, std::string_view value) {
  text_ += is_first ? '{' : ',';
  is_first = false;
  text_ += name;
  text_ += "=\"";
  append_escaped(text_, value);
  text_ += '"';
}

void MetricsText::line(std::string_view suffix, std::span<const Label> labels,
                       std::string_view bound, std::string_view value) {
  text_ += name_;
  text_ += suffix;
  bool is_first = true;
  for (const Label& one : labels)
    label(is_first, one.name, one.value);
  if (!bound.empty()) label(is_first, "le", bound);
  if (!is_first) text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
  ++series_;
}

void MetricsText::sample(std::uint64_t value, std::initializer_list<Label> labels) {
  line(type_ == Type::counter ? "_total" : "", labels, "", std::to_string(value));
}

void MetricsText::sample(double value, std::initializer_list<Label> labels) {
  line(type_ == Type::counter ? "_total" : "", labels, "", number_text(value));
}

void MetricsText::histogram(std::span<const double> bounds, std::span<const std::uint64_t> counts,
                            double sum, std::initializer_list<Label> labels) {
  for (std::size_t i = 0; i < bounds.size(); ++i)
    line("_bucket", labels, number_text(bounds[i]), std::to_string(counts[i]));
  const std::string all = std::to_string(counts.back());
  line("_bucket", labels, "+Inf", all);
  line("_sum", labels, "", number_text(sum));
  line("_count", labels, "", all);
}

std::string MetricsText::finish() && {
  if (format_ == Format::openmetrics) text_ += "# EOF\n";
  return std::move(text_);
}

std::string_view MetricsText::content_type(Format format) noexcept {
  return format == Format::openmetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace ullage::observe
