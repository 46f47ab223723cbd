#pragma once
#include <cstdint>
#include <limits>
#include <span>

namespace archleak {

/// A figure with its confidence interval. An end that the data do not bound is infinite; without any data the value is
/// NaN and the interval is the whole line.
struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  int64_t count = 0;  ///< values that went in
};

/// The share of `successes` among `trials`, with the score interval of Wilson, "Probable Inference, the Law of
/// Succession, and Statistical Inference" (1927). Throws DataError unless 0 <= successes <= trials.
Estimate estimate_rate(int64_t successes, int64_t trials, double confidence = 0.95);

/// The mean of `values`, with Student's t interval (n - 1 degrees of freedom); one value bounds nothing. Throws
/// DataError for a value that is not finite.
Estimate estimate_mean(std::span<const double> values, double confidence = 0.95);

/// The median of `values`, with the interval between two order statistics that holds whatever the distribution (the
/// sign test's). It covers at least `confidence`; too few values for that (fewer than six at 95 %) bound nothing.
/// Throws DataError for a value that is not finite.
Estimate estimate_median(std::span<const double> values, double confidence = 0.95);

/// The value that Student's t with `degrees` > 0 degrees of freedom stays below with `probability` in (0, 1).
double student_t_quantile(double probability, double degrees);

}  // namespace archleak
