#include "core/statistics.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace archleak {
namespace {

void require_finite(std::span<const double> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw DataError(fmt::format("expected finite values, got {} at index {}", values[i], i));
    }
  }
}

}  // namespace

Estimate estimate_rate(int64_t successes, int64_t trials, double confidence) {
  if (successes < 0 || successes > trials) {
    throw DataError(fmt::format("expected 0 to {} successes of {} trials, got {}", trials, trials, successes));
  }
  if (trials == 0) return {};
  const auto n = static_cast<double>(trials);
  const double share = static_cast<double>(successes) / n;
  const double z = boost::math::quantile(boost::math::normal(), (1 + confidence) / 2);
  const double centre = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  // At the ends the formula gives 0 and 1 but for rounding.
  return {.value = share,
          .low = successes == 0 ? 0 : centre - half,
          .high = successes == trials ? 1 : centre + half,
          .count = trials};
}

Estimate estimate_mean(std::span<const double> values, double confidence) {
  require_finite(values);
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += value / n;
  Estimate estimate{.value = mean, .count = static_cast<int64_t>(values.size())};
  if (values.size() == 1) return estimate;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = student_t_quantile((1 + confidence) / 2, n - 1) * std::sqrt(squares / (n - 1) / n);
  estimate.low = mean - half;
  estimate.high = mean + half;
  return estimate;
}

Estimate estimate_median(std::span<const double> values, double confidence) {
  require_finite(values);
  if (values.empty()) return {};
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  Estimate estimate{.value = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2,
                    .count = static_cast<int64_t>(n)};
  const boost::math::binomial below(static_cast<double>(n), 0.5);
  size_t outside = 0;  // order statistics that may be left out on either side
  while (2 * outside < n && boost::math::cdf(below, static_cast<double>(outside)) <= (1 - confidence) / 2) ++outside;
  if (outside == 0) return estimate;
  estimate.low = sorted[outside - 1];
  estimate.high = sorted[n - outside];
  return estimate;
}

double student_t_quantile(double probability, double degrees) {
  return boost::math::quantile(boost::math::students_t(degrees), probability);
}

}  // namespace archleak
