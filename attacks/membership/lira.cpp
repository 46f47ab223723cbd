#include "attacks/membership/lira.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace archleak::attacks {
namespace {

constexpr double kSmallestDeviation = 1e-6;
// From so many shadows on, a sample's deviation among those with or without it is worth estimating (Carlini et al.
// 2022).
constexpr int64_t kShadowsForVariance = 64;

struct Normal {
  double centre = 0;
  double deviation = 0;

  double standardised(double phi) const { return (phi - centre) / deviation; }
  /// Up to a constant.
  double log_density(double phi) const { return -std::log(deviation) - standardised(phi) * standardised(phi) / 2; }
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double squares_about(const std::vector<double>& values, double centre) {
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return sum;
}

/// The distribution of phi over the shadows on one side (`in`), for each sample.
std::vector<Normal> fit(const ShadowTable& table, bool in, const LiraOptions& options) {
  const bool global = options.variance == LiraOptions::Variance::global;
  const size_t needed = global ? 1 : 2;
  std::vector<Normal> normals;
  double squares = 0, freedom = 0;
  for (int64_t sample = 0; sample < table.samples; ++sample) {
    std::vector<double> values;
    for (int64_t shadow = 0; shadow < table.shadows; ++shadow) {
      if (table.in_at(shadow, sample) == in) values.push_back(table.phi_at(shadow, sample));
    }
    if (values.size() < needed) {
      throw DataError(fmt::format("LiRA: expected at least {} shadow models {} sample {}, got {}{}", needed,
                                  in ? "with" : "without", sample, values.size(),
                                  global ? "" : "; a global variance needs one"));
    }
    const double average = mean(values), spread = squares_about(values, average);
    normals.push_back({.centre = options.centre == LiraOptions::Centre::mean ? average : median(values),
                       .deviation = std::sqrt(spread / static_cast<double>(values.size()))});
    squares += spread;
    freedom += static_cast<double>(values.size() - 1);
  }
  if (global && freedom == 0 && table.samples > 0) {
    throw DataError(
        fmt::format("LiRA: expected a sample with two shadow models {} it, got none", in ? "with" : "without"));
  }
  for (Normal& normal : normals) {
    if (global) normal.deviation = std::sqrt(squares / freedom);
    normal.deviation = std::max(normal.deviation, kSmallestDeviation);
  }
  return normals;
}

}  // namespace

LiraOptions::Variance lira_variance(int64_t shadows) {
  return shadows >= kShadowsForVariance ? LiraOptions::Variance::per_sample : LiraOptions::Variance::global;
}

std::vector<double> lira(const ShadowTable& table, const std::vector<double>& target, const LiraOptions& options) {
  check_shadows(table, "LiRA");
  check_target(table, target, "LiRA");
  const auto out = fit(table, false, options);
  std::vector<double> scores(target.size());
  for (size_t i = 0; i < target.size(); ++i) scores[i] = out[i].standardised(target[i]);
  if (options.mode == LiraOptions::Mode::offline) return scores;
  const auto in = fit(table, true, options);
  for (size_t i = 0; i < target.size(); ++i) scores[i] = in[i].log_density(target[i]) - out[i].log_density(target[i]);
  return scores;
}

}  // namespace archleak::attacks
