#include "defenses/rdp_accountant.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak::defenses {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTolerance = 0.01;
constexpr double kFirstUpperBound = 20;
constexpr double kLargestMultiplier = 1e6;
constexpr double kNegligible = -30;  // log of a term that ends the series

/// log(e^x + e^y).
double log_add(double x, double y) {
  const auto [low, high] = std::minmax(x, y);
  return low == -kInfinity ? high : high + std::log1p(std::exp(low - high));
}

/// log(e^x - e^y); NaN for y > x, which rounding can bring about.
double log_subtract(double x, double y) {
  if (y == -kInfinity) return x;
  if (y > x) return std::numeric_limits<double>::quiet_NaN();
  return x == y ? -kInfinity : y + std::log(std::expm1(x - y));
}

/// log(erfc(x)), also where erfc(x) is too small for a double: there by its asymptotic series.
double log_erfc(double x) {
  if (x < 20) return std::log(std::erfc(x));
  const double half = 1 / (2 * x * x);
  const double series = 1 - half * (1 - 3 * half * (1 - 5 * half * (1 - 7 * half)));
  return -x * x - std::log(x * std::sqrt(M_PI)) + std::log(series);
}

/// log A of section 3.3 for an integer order: a sum over the binomial distribution of how often a record was drawn.
double log_moment_integer(double q, double sigma, int64_t order) {
  double sum = -kInfinity;
  double coefficient = 1;
  for (int64_t i = 0; i <= order; ++i) {
    const auto drawn = static_cast<double>(i);
    const auto rest = static_cast<double>(order - i);
    sum = log_add(sum, std::log(coefficient) + drawn * std::log(q) + rest * std::log1p(-q) +
                           (drawn * drawn - drawn) / (2 * sigma * sigma));
    coefficient *= rest / (drawn + 1);
  }
  return sum;
}

/// The same for a fractional order: two infinite series, of the integral on either side of z0, where both densities of
/// the mixture are equal.
double log_moment_fractional(double q, double sigma, double order) {
  double below = -kInfinity;
  double above = -kInfinity;
  const double z0 = sigma * sigma * std::log(1 / q - 1) + 0.5;
  double coefficient = 1;
  for (double i = 0;; ++i) {
    const double j = order - i;
    const double log_coefficient = std::log(std::abs(coefficient));
    const auto term = [&](double drawn, double rest, double distance) {
      return log_coefficient + drawn * std::log(q) + rest * std::log1p(-q) +
             (drawn * drawn - drawn) / (2 * sigma * sigma) + std::log(0.5) +
             log_erfc(distance / (std::sqrt(2.0) * sigma));
    };
    const double low = term(i, j, i - z0);
    const double high = term(j, i, z0 - j);
    below = coefficient > 0 ? log_add(below, low) : log_subtract(below, low);
    above = coefficient > 0 ? log_add(above, high) : log_subtract(above, high);
    if (!(std::max(low, high) >= kNegligible)) return log_add(below, above);
    coefficient *= j / (i + 1);
  }
}

std::vector<double> make_orders() {
  std::vector<double> orders;
  for (int tenths = 1; tenths < 100; ++tenths) orders.push_back(1 + tenths / 10.0);
  for (int order = 12; order < 64; ++order) orders.push_back(order);
  return orders;
}

void validate(const GaussianSteps& steps) {
  if (!(steps.noise_multiplier >= 0) || !(steps.sampling_rate >= 0 && steps.sampling_rate <= 1) || steps.steps < 0) {
    throw ConfigError(
        fmt::format("accountant: expected a noise multiplier and a number of steps of at least 0 and a rate from 0 to "
                    "1, got {}, {} "
                    "and {}",
                    steps.noise_multiplier, steps.steps, steps.sampling_rate));
  }
}

void validate_delta(double delta) {
  if (!(delta > 0 && delta < 1)) throw ConfigError(fmt::format("delta: expected between 0 and 1, got {}", delta));
}

}  // namespace

std::span<const double> renyi_orders() {
  static const std::vector<double> orders = make_orders();
  return orders;
}

double sampled_gaussian_rdp(double sampling_rate, double noise_multiplier, double order) {
  if (sampling_rate == 0) return 0;
  if (noise_multiplier == 0) return kInfinity;
  if (sampling_rate == 1) return order / (2 * noise_multiplier * noise_multiplier);
  const double log_moment = order == std::floor(order)
                                ? log_moment_integer(sampling_rate, noise_multiplier, static_cast<int64_t>(order))
                                : log_moment_fractional(sampling_rate, noise_multiplier, order);
  return log_moment / (order - 1);
}

std::vector<double> sampled_gaussian_rdp(double sampling_rate, double noise_multiplier) {
  std::vector<double> rdp;
  for (const double order : renyi_orders()) {
    rdp.push_back(sampled_gaussian_rdp(sampling_rate, noise_multiplier, order));
  }
  return rdp;
}

PrivacySpent to_epsilon(std::span<const double> rdp, double delta) {
  validate_delta(delta);
  const auto orders = renyi_orders();
  PrivacySpent best{.epsilon = kInfinity, .order = orders.front(), .order_at_end = true};
  for (size_t i = 0; i < orders.size(); ++i) {
    const double order = orders[i];
    const double epsilon = rdp[i] - (std::log(delta) + std::log(order)) / (order - 1) + std::log((order - 1) / order);
    if (!(epsilon < best.epsilon)) continue;  // also skips NaN
    best = {epsilon, order, order == orders.front() || order == orders.back()};
  }
  best.epsilon = std::max(best.epsilon, 0.0);
  return best;
}

void RdpAccountant::record(double noise_multiplier, double sampling_rate, int64_t steps) {
  const GaussianSteps more{noise_multiplier, sampling_rate, steps};
  validate(more);
  if (steps == 0) return;
  if (!history_.empty() && history_.back().noise_multiplier == noise_multiplier &&
      history_.back().sampling_rate == sampling_rate) {
    history_.back().steps += steps;
  } else {
    history_.push_back(more);
  }
}

PrivacySpent RdpAccountant::spent(double delta) const {
  validate_delta(delta);
  if (history_.empty()) return {};
  std::vector<double> rdp(renyi_orders().size());
  for (const auto& entry : history_) {
    const auto step = sampled_gaussian_rdp(entry.sampling_rate, entry.noise_multiplier);
    for (size_t i = 0; i < rdp.size(); ++i) rdp[i] += static_cast<double>(entry.steps) * step[i];
  }
  return to_epsilon(rdp, delta);
}

std::string RdpAccountant::save() const {
  ByteWriter writer;
  writer.u64(history_.size());
  for (const auto& entry : history_) {
    writer.u64(std::bit_cast<uint64_t>(entry.noise_multiplier));
    writer.u64(std::bit_cast<uint64_t>(entry.sampling_rate));
    writer.i64(entry.steps);
  }
  return writer.take();
}

void RdpAccountant::load(std::string_view bytes) {
  ByteReader reader(bytes, "accountant");
  const uint64_t entries = reader.u64();
  std::vector<GaussianSteps> history;
  for (uint64_t i = 0; i < entries; ++i) {
    GaussianSteps entry;
    entry.noise_multiplier = std::bit_cast<double>(reader.u64());
    entry.sampling_rate = std::bit_cast<double>(reader.u64());
    entry.steps = reader.i64();
    try {
      validate(entry);
    } catch (const ConfigError& error) {
      throw CheckpointError(error.what());
    }
    history.push_back(entry);
  }
  reader.expect_end();
  history_ = std::move(history);
}

double calibrate_noise(double epsilon, double delta, double sampling_rate, int64_t steps) {
  if (!(epsilon > 0)) throw ConfigError(fmt::format("target epsilon: expected above 0, got {}", epsilon));
  const auto epsilon_of = [&](double noise_multiplier) {
    RdpAccountant accountant;
    accountant.record(noise_multiplier, sampling_rate, steps);
    return accountant.spent(delta).epsilon;
  };
  double low = 0;
  double high = kFirstUpperBound;
  double spent = epsilon_of(high);
  while (spent > epsilon) {
    high *= 2;
    if (high > kLargestMultiplier) {
      throw ConfigError(
          fmt::format("target epsilon: expected what a noise multiplier below {} gives in {} steps at rate {}, got {}",
                      kLargestMultiplier, steps, sampling_rate, epsilon));
    }
    spent = epsilon_of(high);
  }
  while (epsilon - spent > kTolerance) {
    const double middle = (low + high) / 2;
    if (middle == low || middle == high) break;  // epsilon does not come nearer: there are no steps to pay for
    const double there = epsilon_of(middle);
    (there < epsilon ? high : low) = middle;
    if (there < epsilon) spent = there;
  }
  return high;
}

}  // namespace archleak::defenses
