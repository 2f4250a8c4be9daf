#include "report/curves.h"

#include <algorithm>
#include <utility>

namespace ullage::app {

Series memory_curve(const ReplayResult& result, std::string name) {
  Series series{std::move(name), {{0, 0}}};
  for (const Sample& sample : result.samples) {
    series.points.push_back({static_cast<double>(sample.requests),
                             static_cast<double>(result.over_baseline(sample.resident))});
  }
  return series;
}

Series level_curve(const ReplayResult& result, std::string name, double y) {
  const double end =
      result.samples.empty() ? 1 : static_cast<double>(result.samples.back().requests);
  return {std::move(name), {{0, y}, {end, y}}};
}

Series cumulative_hit_curve(const ReplayResult& result, std::string name) {
  Series series{std::move(name), {}};
  for (const Sample& sample : result.samples) {
    if (sample.requests == 0) continue;
    series.points.push_back(
        {static_cast<double>(sample.requests),
         static_cast<double>(sample.hits) / static_cast<double>(sample.requests)});
  }
  return series;
}

Series windowed_hit_curve(const ReplayResult& result, std::string name, std::size_t windows) {
  Series series{std::move(name), {}};
  const std::size_t stride =
      std::max<std::size_t>(1, result.samples.size() / std::max<std::size_t>(windows, 1));
  Sample before;
  for (std::size_t at = stride - 1; at < result.samples.size(); at += stride) {
    const Sample& sample = result.samples[at];
    if (sample.requests == before.requests) continue;
    series.points.push_back({static_cast<double>(sample.requests),
                             static_cast<double>(sample.hits - before.hits) /
                                 static_cast<double>(sample.requests - before.requests)});
    before = sample;
  }
  return series;
}

}  // namespace ullage::app
