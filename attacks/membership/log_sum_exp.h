#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace archleak::attacks {

/// log(sum of exp(value)) without overflow, over all values but the one at `left_out`; -infinity over none.
inline double log_sum_exp(std::span<const double> values, size_t left_out = std::numeric_limits<size_t>::max()) {
  double largest = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < values.size(); ++i) largest = i == left_out ? largest : std::max(largest, values[i]);
  if (std::isinf(largest)) return largest;
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += i == left_out ? 0 : std::exp(values[i] - largest);
  return largest + std::log(sum);
}

/// log of the logistic function, 1 / (1 + exp(-value)), without overflow.
inline double log_sigmoid(double value) {
  return std::min(value, 0.0) - std::log1p(std::exp(-std::abs(value)));
}

}  // namespace archleak::attacks
