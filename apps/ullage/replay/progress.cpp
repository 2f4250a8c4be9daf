#include "replay/progress.h"

#include "base/units.h"

#include <cstdio>
#include <utility>

#include <fmt/core.h>

namespace ullage::app {

Progress::Progress(bool enabled, std::string label) : enabled_(enabled), label_(std::move(label)) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(double share, std::uint64_t requests, std::uint64_t hits) {
  if (!enabled_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const std::string percent = share < 0 ? std::string() : fmt::format("{:3.0f} %  ", share * 100);
  const double rate = seconds > 0 ? static_cast<double>(requests) / seconds : 0;
  const double ratio =
      requests == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(requests);
  fmt::print(stderr, "\r{}  {}{} requests  {}/s  hit ratio {}\x1b[K", label_, percent,
             format_count(requests), format_short(rate), format_percent(ratio));
  std::fflush(stderr);
}

}  // namespace ullage::app
