#include "defenses/gdp_accountant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace archleak::defenses {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The reference values are those of Opacus (gdp.py, Poisson sampling), printed to eight decimals.
constexpr double kDigits = 5e-9;

TEST(GdpAccountant, AgreesWithOpacus) {
  const double mu = gdp_mu({.noise_multiplier = 1, .sampling_rate = .01, .steps = 10000});
  EXPECT_NEAR(mu, 1.31083249, kDigits);
  EXPECT_NEAR(gdp_epsilon(mu, 1e-5), 6.00707731, kDigits);
  EXPECT_NEAR(gdp_epsilon(gdp_mu({.noise_multiplier = 2, .sampling_rate = .02, .steps = 1000}), 1e-5), 1.28677952,
              kDigits);
}

TEST(GdpAccountant, MayPromiseMoreThanTheBoundDoes) {
  for (const GaussianSteps steps : {GaussianSteps{1, .01, 10000}, GaussianSteps{2, .02, 1000}}) {
    RdpAccountant bound;
    bound.record(steps.noise_multiplier, steps.sampling_rate, steps.steps);
    EXPECT_LT(gdp_epsilon(gdp_mu(steps), 1e-5), bound.spent(1e-5).epsilon);
  }
}

TEST(GdpAccountant, EpsilonRisesWithMuAndFallsWithDelta) {
  double before = 0;
  for (const double mu : {0.1, 0.5, 1.0, 5.0, 50.0, 500.0}) {
    const double epsilon = gdp_epsilon(mu, 1e-5);
    EXPECT_TRUE(std::isfinite(epsilon));
    EXPECT_GT(epsilon, before);
    EXPECT_LT(gdp_epsilon(mu, 1e-4), epsilon);
    before = epsilon;
  }
}

TEST(GdpAccountant, NothingSpentIsZeroAndNoNoiseIsNoPrivacy) {
  EXPECT_EQ(gdp_mu({.noise_multiplier = 1, .sampling_rate = .5, .steps = 0}), 0);
  EXPECT_EQ(gdp_epsilon(0, 1e-5), 0);
  EXPECT_EQ(gdp_mu({.noise_multiplier = 0, .sampling_rate = .5, .steps = 1}), kInfinity);
  EXPECT_EQ(gdp_epsilon(kInfinity, 1e-5), kInfinity);
  EXPECT_THROW(gdp_epsilon(-1, 1e-5), ConfigError);
  EXPECT_THROW(gdp_epsilon(1, 0), ConfigError);
}

}  // namespace
}  // namespace archleak::defenses
