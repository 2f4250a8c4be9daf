// Metrics as text: Prometheus's format 0.0.4, or OpenMetrics 1.0 for who asks for it.
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace ullage::observe {

/// Not thread-safe. Families one after another, each with its samples.
class MetricsText {
 public:
  enum class Format : std::uint8_t { prometheus, openmetrics };
  enum class Type : std::uint8_t { counter, gauge, histogram };
  struct Label {
    std::string_view name;
    std::string_view value;  ///< any bytes
  };

  explicit MetricsText(Format format) noexcept : format_(format) {}

  /// Begins a family. `name` without "_total"; ends in its unit, if it has one.
  void family(std::string_view name, Type type, std::string_view help);
  /// A sample of the family that was begun.
  void sample(std::uint64_t value, std::initializer_list<Label> labels = {});
  void sample(double value, std::initializer_list<Label> labels = {});
  /// A histogram: how many observations were not above each bound, in ascending order, then all of
  /// them. REQUIRES: counts.size() == bounds.size() + 1.
  void histogram(std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum,
                 std::initializer_list<Label> labels = {});

  [[nodiscard]] std::size_t series() const noexcept { return series_; }
  /// Once: the whole.
  [[nodiscard]] std::string finish() &&;
  [[nodiscard]] static std::string_view content_type(Format format) noexcept;

 private:
  void line(std::string_view suffix, std::span<const Label> labels, std::string_view bound,
            std::string_view value);
  void label(bool& is_first, std::string_view name, std::string_view value);

  const Format format_;
  std::string text_;
  std::string name_;  // of the family
  Type type_ = Type::gauge;
  std::size_t series_ = 0;
};

}  // namespace ullage::observe
