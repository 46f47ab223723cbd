#include "attacks/membership/bootstrap.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"

namespace archleak::attacks {
namespace {

/// The group of each sample: drawing a sample is drawing a place here.
std::vector<uint32_t> spread(const std::vector<int64_t>& counts) {
  std::vector<uint32_t> groups;
  for (size_t group = 0; group < counts.size(); ++group) {
    groups.insert(groups.end(), static_cast<size_t>(counts[group]), static_cast<uint32_t>(group));
  }
  return groups;
}

void draw(const std::vector<uint32_t>& groups, RandomEngine& engine, std::vector<int64_t>& counts) {
  std::fill(counts.begin(), counts.end(), 0);
  const auto samples = static_cast<int64_t>(groups.size());
  for (int64_t i = 0; i < samples; ++i) ++counts[groups[uniform_index(samples, engine)]];
}

/// The quantile of `sorted`, linear between neighbours.
double quantile(const std::vector<double>& sorted, double probability) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

MetricIntervals bootstrap(const Ranking& ranking, double threshold, double oracle, const BootstrapOptions& options) {
  if (options.resamples < 0 || !(options.confidence > 0 && options.confidence < 1)) {
    throw ConfigError(fmt::format("expected at least 0 resamples and a confidence between 0 and 1, got {} and {}",
                                  options.resamples, options.confidence));
  }
  const auto members = spread(ranking.members), nonmembers = spread(ranking.nonmembers);
  RandomEngine engine = make_engine({.seed = options.seed, .purpose = options.purpose});
  Ranking resample = ranking;
  std::vector<Metrics> drawn;
  for (int64_t i = 0; i < options.resamples; ++i) {
    draw(members, engine, resample.members);
    draw(nonmembers, engine, resample.nonmembers);
    drawn.push_back(measure(resample, threshold, oracle));
  }
  MetricIntervals intervals;
  std::vector<double> values;
  for (const MetricField& field : metric_fields()) {
    values.clear();
    for (const Metrics& metrics : drawn) {
      if (!std::isnan(metrics.*field.value)) values.push_back(metrics.*field.value);
    }
    std::sort(values.begin(), values.end());
    intervals.low.*field.value = quantile(values, (1 - options.confidence) / 2);
    intervals.high.*field.value = quantile(values, (1 + options.confidence) / 2);
  }
  return intervals;
}

}  // namespace archleak::attacks
