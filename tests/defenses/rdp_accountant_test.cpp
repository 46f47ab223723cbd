#include "defenses/rdp_accountant.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace archleak::defenses {
namespace {

/// Ten digits: the reference values below are those of Opacus (rdp.py, its default orders), printed to ten decimals or
/// twelve significant digits.
constexpr double kDigits = 1e-10;

double epsilon_of(double rate, double sigma, int64_t steps, double delta) {
  RdpAccountant accountant;
  accountant.record(sigma, rate, steps);
  return accountant.spent(delta).epsilon;
}

TEST(SampledGaussianRdp, AgreesWithOpacusAtSingleOrders) {
  const struct {
    double rate, sigma, order, rdp;
  } references[] = {
      {1, 1, 2, 1},
      {1, 1, 10, 5},
      {.01, 1, 2, 1.71813422075e-4},
      {.01, 1, 10, .0382704188949},
      {.01, 1.1, 32, 8.46941643368},
      {.01, 1, 1.5, 1.27253743512e-4},
      {.01, 1, 2.5, 2.17575332331e-4},
      {.1, 2, 8, .0137254301032},
      {.1, 2, 3.7, .00550405302451},
      {.5, 4, 20, .220726296744},
      {.02, 2, 13, 7.9284763993e-4},
  };
  for (const auto& [rate, sigma, order, rdp] : references) {
    EXPECT_NEAR(sampled_gaussian_rdp(rate, sigma, order) / rdp, 1, kDigits) << rate << " " << sigma << " " << order;
  }
}

TEST(RdpAccountant, AgreesWithOpacusOnEpsilonAndItsOrder) {
  const struct {
    double rate, sigma;
    int64_t steps;
    double delta, epsilon, order;
  } references[] = {
      {.01, 1.0, 10000, 1e-5, 6.7127382974, 4.1},
      {.01, 1.1, 6000, 1e-5, 4.2465946757, 5.6},
      {256.0 / 60000, 1.1, 14062, 1e-5, 2.5965558690, 8.1},
      {256.0 / 60000, 1.3, 3510, 1e-5, 0.9537572866, 17},
      {.01, 4.0, 10000, 1e-5, 1.0354900660, 17},
      {.01, .7, 1000, 1e-5, 5.4213970675, 3.6},
      {.02, 2.0, 1000, 1e-5, 1.4584696079, 13},
      {.1, 1.0, 100, 1e-5, 7.8992550024, 3.2},
      {1, 5.0, 100, 1e-5, 10.7255096964, 3.3},
      {1, 1.0, 1, 1e-5, 4.7285070672, 5.4},
      {.001, .5, 1000, 1e-6, 5.3290675674, 3.5},
      {.05, 10, 500, 1e-6, 0.4902739433, 40},
      {.0512, 1.0, 200, 1e-4, 4.7090113658, 3.8},
      {.04, 1.5, 2250, 1e-5, 7.3291111714, 0},
  };
  for (const auto& [rate, sigma, steps, delta, epsilon, order] : references) {
    RdpAccountant accountant;
    accountant.record(sigma, rate, steps);
    const PrivacySpent spent = accountant.spent(delta);
    EXPECT_NEAR(spent.epsilon, epsilon, kDigits) << rate << " " << sigma << " " << steps;
    EXPECT_NEAR(spent.order, order > 0 ? order : spent.order, 1e-12) << rate << " " << sigma << " " << steps;
    EXPECT_FALSE(spent.order_at_end);
  }
}

TEST(RdpAccountant, AddsUpStepsOfDifferentNoise) {
  RdpAccountant accountant;
  accountant.record(1.5, .04, 50);
  accountant.record(1.0, .04, 100);
  EXPECT_NEAR(accountant.spent(1e-5).epsilon, 3.411687396, 1e-9);
}

TEST(RdpAccountant, IsAnUpperBoundOfTheTighterPrvAccountant) {
  // Values of Opacus' PRV accountant.
  EXPECT_GT(epsilon_of(.01, 1.0, 10000, 1e-5), 6.198044);
  EXPECT_GT(epsilon_of(256.0 / 60000, 1.1, 14062, 1e-5), 2.391744);
  EXPECT_GT(epsilon_of(.02, 2, 1000, 1e-5), 1.339767);
  EXPECT_GT(epsilon_of(.1, 1, 100, 1e-5), 7.057056);
  EXPECT_GT(epsilon_of(.04, 1.5, 2250, 1e-5), 6.779132);
}

TEST(RdpAccountant, EpsilonNeverFallsWithStepsOrRateAndNeverGrowsWithNoise) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "accountant test"});
  for (int trial = 0; trial < 40; ++trial) {
    const double rate = trial % 5 == 0 ? 1 : 0.002 + 0.5 * uniform(engine);
    const double sigma = 0.6 + 4 * uniform(engine);
    const int64_t steps = 1 + uniform_index(3000, engine);
    const double epsilon = epsilon_of(rate, sigma, steps, 1e-5);
    EXPECT_GE(epsilon_of(rate, sigma, steps + 1 + steps / 10, 1e-5), epsilon);
    EXPECT_LE(epsilon_of(rate, 1.05 * sigma, steps, 1e-5), epsilon);
    EXPECT_GE(epsilon_of(std::min(1.0, 1.1 * rate), sigma, steps, 1e-5), epsilon);
    EXPECT_GE(epsilon_of(rate, sigma, steps, 1e-6), epsilon);
  }
}

TEST(RdpAccountant, SpendsNothingBeforeTheFirstStepAndEverythingWithoutNoise) {
  RdpAccountant accountant;
  EXPECT_EQ(accountant.spent(1e-5).epsilon, 0);
  accountant.record(1, 0.1, 0);
  EXPECT_TRUE(accountant.history().empty());
  accountant.record(0, 0.1);
  EXPECT_TRUE(std::isinf(accountant.spent(1e-5).epsilon));
}

TEST(RdpAccountant, SaysWhenTheBestOrderIsAtAnEnd) {
  RdpAccountant loose;
  loose.record(0.05, 1, 1000);
  EXPECT_TRUE(loose.spent(1e-5).order_at_end);
  RdpAccountant tight;
  tight.record(1000, 0.01);
  EXPECT_TRUE(tight.spent(1e-5).order_at_end);
}

TEST(RdpAccountant, ASavedHistoryGivesTheSameFiguresToTheBit) {
  RdpAccountant accountant;
  accountant.record(1.1, .04, 50);
  accountant.record(1.1, .04);
  accountant.record(0.9, .1, 7);
  ASSERT_EQ(accountant.history().size(), 2u);
  EXPECT_EQ(accountant.history()[0], (GaussianSteps{1.1, .04, 51}));
  RdpAccountant restored;
  restored.load(accountant.save());
  EXPECT_EQ(restored.history(), accountant.history());
  EXPECT_EQ(restored.spent(1e-5).epsilon, accountant.spent(1e-5).epsilon);
}

TEST(RdpAccountant, DamagedBytesAreACheckpointErrorAndChangeNothing) {
  RdpAccountant accountant;
  accountant.record(1.1, .04, 50);
  const std::string bytes = accountant.save();
  const auto before = accountant.history();
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(accountant.load(bytes.substr(0, length)), CheckpointError) << length;
  }
  EXPECT_THROW(accountant.load(bytes + "x"), CheckpointError);
  std::string negative = bytes;
  negative[15] = static_cast<char>(0xc0);  // the sign of the noise multiplier
  EXPECT_THROW(accountant.load(negative), CheckpointError);
  EXPECT_EQ(accountant.history(), before);
}

TEST(RdpAccountant, RefusesWhatIsNoMechanism) {
  RdpAccountant accountant;
  EXPECT_THROW(accountant.record(-1, .1), ConfigError);
  EXPECT_THROW(accountant.record(std::nan(""), .1), ConfigError);
  EXPECT_THROW(accountant.record(1, 1.1), ConfigError);
  EXPECT_THROW(accountant.record(1, .1, -1), ConfigError);
  EXPECT_THROW(accountant.spent(0), ConfigError);
  EXPECT_THROW(accountant.spent(1), ConfigError);
}

TEST(CalibrateNoise, AgreesWithOpacus) {
  EXPECT_NEAR(calibrate_noise(8, 1e-5, .04, 2000), 1.3562012, 5e-8);
  EXPECT_NEAR(calibrate_noise(8, 1e-5, .04, 2250), 1.4160156, 5e-8);
  EXPECT_NEAR(calibrate_noise(3, 1e-5, .02, 1000), 1.2182617, 5e-8);
  EXPECT_NEAR(calibrate_noise(1, 1e-5, .01, 1000), 1.5234375, 5e-8);
}

TEST(CalibrateNoise, ComesNearTheTargetAndNeverGoesBeyond) {
  for (const double target : {0.2, 0.5, 2.0, 20.0}) {
    for (const double rate : {0.01, 0.3, 1.0}) {
      const double epsilon = epsilon_of(rate, calibrate_noise(target, 1e-5, rate, 300), 300, 1e-5);
      EXPECT_LE(epsilon, target);
      EXPECT_GT(epsilon, target - 0.011);
    }
  }
}

TEST(CalibrateNoise, RefusesATargetThatNoNoiseReaches) {
  EXPECT_THROW(calibrate_noise(1e-9, 1e-5, 1, 1000000), ConfigError);
  EXPECT_THROW(calibrate_noise(0.1, 1e-5, 0.01, 300), ConfigError) << "the largest order, 63, gives no less than 0.103";
  EXPECT_THROW(calibrate_noise(0, 1e-5, 1, 10), ConfigError);
}

}  // namespace
}  // namespace archleak::defenses
