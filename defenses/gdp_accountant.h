#pragma once
#include "defenses/rdp_accountant.h"

namespace archleak::defenses {

/// mu of the Gaussian differential privacy that steps of the sampled Gaussian mechanism have together, by the central
/// limit theorem: q sqrt(T (exp(1 / sigma^2) - 1)), Bu, Dong, Long, Su, "Deep Learning with Gaussian Differential
/// Privacy" (2020). An approximation for many steps at a small rate, which may promise too much: for comparison with
/// other tools, never for a guarantee. Infinite without noise; 0 for no steps.
double gdp_mu(const GaussianSteps& steps);

/// The least epsilon of mu-Gaussian differential privacy at `delta`: delta(epsilon) = Phi(-epsilon / mu + mu / 2) -
/// e^epsilon Phi(-epsilon / mu - mu / 2), corollary 2.13 of Dong, Roth, Su, "Gaussian Differential Privacy" (2019).
/// Throws ConfigError for a negative mu, or unless delta is above 0 and below 1.
double gdp_epsilon(double mu, double delta);

}  // namespace archleak::defenses
