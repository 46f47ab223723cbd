#include "defenses/gdp_accountant.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "core/error.h"

namespace archleak::defenses {
namespace {

/// Phi(-x).
double normal_tail(double x) {
  return std::erfc(x / std::sqrt(2.0)) / 2;
}

/// delta(epsilon); the factor e^epsilon is within the logarithm, where it does not overflow.
double delta_of(double epsilon, double mu) {
  return normal_tail(epsilon / mu - mu / 2) - std::exp(epsilon + std::log(normal_tail(epsilon / mu + mu / 2)));
}

}  // namespace

double gdp_mu(const GaussianSteps& steps) {
  if (steps.sampling_rate == 0 || steps.steps == 0) return 0;
  const double variance = steps.noise_multiplier * steps.noise_multiplier;
  return steps.sampling_rate * std::sqrt(static_cast<double>(steps.steps) * std::expm1(1 / variance));
}

double gdp_epsilon(double mu, double delta) {
  if (!(mu >= 0)) throw ConfigError(fmt::format("mu: expected at least 0, got {}", mu));
  if (!(delta > 0 && delta < 1)) throw ConfigError(fmt::format("delta: expected between 0 and 1, got {}", delta));
  if (std::isinf(mu)) return mu;
  if (mu == 0 || delta_of(0, mu) <= delta) return 0;
  double low = 0, high = 1;
  while (delta_of(high, mu) > delta) high *= 2;
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    (delta_of(middle, mu) > delta ? low : high) = middle;
  }
}

}  // namespace archleak::defenses
