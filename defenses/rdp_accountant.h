#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace archleak::defenses {

/// Steps of one sampled Gaussian mechanism.
///
/// Every record enters a step with probability `sampling_rate` on its own (Poisson sampling), and the sum of what they
/// give, each of L2 norm at most C, is released with Gaussian noise of standard deviation `noise_multiplier` * C.
struct GaussianSteps {
  double noise_multiplier = 0;
  double sampling_rate = 1;
  int64_t steps = 0;
  bool operator==(const GaussianSteps&) const = default;
};

/// What has been spent at some delta.
struct PrivacySpent {
  double epsilon = 0;
  double order = 0;           ///< the Renyi order that gives it
  bool order_at_end = false;  ///< it is the first or last order tried: others might give less
};

/// The Renyi orders that are tried: 1.1 to 10.9 in steps of 0.1, and 12 to 63.
std::span<const double> renyi_orders();

/// Renyi differential privacy of order `order` (above 1) of one step of the sampled Gaussian mechanism: equation (3)
/// and section 3.3 of Mironov, Talwar, Zhang, "Renyi Differential Privacy of the Sampled Gaussian Mechanism" (2019).
/// Infinite without noise; NaN where a fractional order cannot be computed in double precision.
double sampled_gaussian_rdp(double sampling_rate, double noise_multiplier, double order);

/// The same at each of `renyi_orders()`.
std::vector<double> sampled_gaussian_rdp(double sampling_rate, double noise_multiplier);

/// The least epsilon at `delta` of what has spent `rdp` at each of `renyi_orders()`: theorem 21 of Balle, Barthe,
/// Gaboardi, Hsu, Sato, "Hypothesis Testing Interpretations and Renyi Differential Privacy" (2020). Throws ConfigError
/// unless delta is above 0 and below 1.
PrivacySpent to_epsilon(std::span<const double> rdp, double delta);

/// Adds up the privacy that steps of the sampled Gaussian mechanism spend, by Renyi orders.
///
/// Neighbours differ by one record's presence.
class RdpAccountant {
 public:
  /// Counts further steps. Throws ConfigError for a negative multiplier or number of steps, or a rate outside of 0
  /// to 1.
  void record(double noise_multiplier, double sampling_rate, int64_t steps = 1);

  /// The least epsilon over the orders; 0 before the first step, infinite where a step had no noise. Throws ConfigError
  /// unless delta is above 0 and below 1.
  PrivacySpent spent(double delta) const;

  /// What was recorded; equal neighbours are one entry.
  const std::vector<GaussianSteps>& history() const { return history_; }

  /// The history as bytes, for a checkpoint: the accountant that loads them gives the same figures to the bit.
  std::string save() const;

  /// The inverse. Throws CheckpointError, leaving the history as it was.
  void load(std::string_view bytes);

 private:
  std::vector<GaussianSteps> history_;
};

/// A noise multiplier for which `steps` steps at this rate spend at most `epsilon` at `delta`, and more than epsilon -
/// 0.01: the upper bound is doubled from 20 until it is private enough, then bisected. Throws ConfigError when no
/// multiplier below a million is enough.
double calibrate_noise(double epsilon, double delta, double sampling_rate, int64_t steps);

}  // namespace archleak::defenses
