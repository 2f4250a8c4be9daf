#include "common/rounds.h"

#include "common/text.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace ullage::bench {

Median median_of(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const std::size_t n = samples.size();
  const double middle = n % 2 == 1 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
  // As many samples lie below the median as heads in n throws: half of n, +- 1.96 standard
  // deviations.
  const double spread = 0.98 * std::sqrt(static_cast<double>(n));
  const double first = std::floor(static_cast<double>(n) / 2 - spread);
  const std::size_t low = first < 0 ? 0 : static_cast<std::size_t>(first);
  return {middle, samples[low], samples[n - 1 - low]};
}

std::size_t Rounds::add(Contender contender) {
  contenders_.push_back(std::move(contender));
  times_.emplace_back();
  return contenders_.size() - 1;
}

void Rounds::run(std::size_t rounds) {
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < contenders_.size(); ++turn) {
      const std::size_t who = (round + turn) % contenders_.size();
      times_[who].push_back(contenders_[who](round));
    }
  }
}

Median Rounds::time(std::size_t contender) const {
  return median_of(times_[contender]);
}

Median Rounds::ratio(std::size_t a, std::size_t b) const {
  std::vector<double> ratios;
  ratios.reserve(times_[a].size());
  for (std::size_t i = 0; i < times_[a].size(); ++i)
    ratios.push_back(times_[a][i] / times_[b][i]);
  return median_of(std::move(ratios));
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string ratio_text(const Median& ratio) {
  return text("%.2f x [%.2f, %.2f]", ratio.value, ratio.low, ratio.high);
}

}  // namespace ullage::bench
