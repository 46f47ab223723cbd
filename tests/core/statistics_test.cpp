#include "core/statistics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace archleak {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Ends by the formula in Python, with z = statistics.NormalDist().inv_cdf(0.975).
TEST(Statistics, TheRateHasWilsonsInterval) {
  struct Case {
    int64_t successes, trials;
    double low, high;
  };
  for (const auto& [successes, trials, low, high] :
       {Case{0, 10, 0, 0.27753280}, Case{8, 10, 0.49016247, 0.94331785}, Case{10, 10, 0.72246720, 1},
        Case{1, 1, 0.20654931, 1}, Case{31, 100, 0.22779697, 0.40626056}}) {
    const Estimate estimate = estimate_rate(successes, trials);
    EXPECT_EQ(estimate.value, static_cast<double>(successes) / static_cast<double>(trials));
    EXPECT_NEAR(estimate.low, low, 1e-8) << successes << " of " << trials;
    EXPECT_NEAR(estimate.high, high, 1e-8) << successes << " of " << trials;
    EXPECT_EQ(estimate.count, trials);
  }
}

TEST(Statistics, TheRatesIntervalLiesWithinZeroAndOneAndHoldsTheRate) {
  for (int64_t trials = 1; trials < 60; ++trials) {
    for (int64_t successes = 0; successes <= trials; ++successes) {
      const Estimate estimate = estimate_rate(successes, trials);
      const Estimate mirrored = estimate_rate(trials - successes, trials);
      EXPECT_GE(estimate.low, 0);
      EXPECT_LE(estimate.low, estimate.value);
      EXPECT_GE(estimate.high, estimate.value);
      EXPECT_LE(estimate.high, 1);
      EXPECT_NEAR(estimate.low, 1 - mirrored.high, 1e-12);
    }
  }
}

TEST(Statistics, StudentsQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.7062, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.30265, 1e-5);
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.26216, 1e-5);
  EXPECT_NEAR(student_t_quantile(0.95, 29), 1.69913, 1e-5);
  EXPECT_NEAR(student_t_quantile(0.975, 1e6), 1.95997, 1e-5);
  EXPECT_NEAR(student_t_quantile(0.5, 3), 0, 1e-12);
}

TEST(Statistics, TheMeanHasStudentsInterval) {
  const Estimate estimate = estimate_mean(std::vector<double>{91.4, 92.0, 92.1});
  EXPECT_NEAR(estimate.value, 91.8333, 1e-4);
  EXPECT_NEAR(estimate.high - estimate.value, 4.30265 * std::sqrt(0.143333 / 3), 1e-4);
  EXPECT_NEAR(estimate.value - estimate.low, estimate.high - estimate.value, 1e-12);
}

TEST(Statistics, OneValueBoundsNothingAndNoValueIsNotANumber) {
  const Estimate one = estimate_mean(std::vector<double>{3});
  EXPECT_EQ(one.value, 3);
  EXPECT_EQ(one.low, -kInfinity);
  EXPECT_EQ(one.high, kInfinity);
  for (const Estimate& none : {estimate_rate(0, 0), estimate_mean({}), estimate_median({})}) {
    EXPECT_TRUE(std::isnan(none.value));
    EXPECT_EQ(none.high, kInfinity);
    EXPECT_EQ(none.count, 0);
  }
}

TEST(Statistics, TheMedianHasTheSignTestsInterval) {
  const Estimate five = estimate_median(std::vector<double>{5, 1, 4, 2, 3});
  EXPECT_EQ(five.value, 3);
  EXPECT_EQ(five.low, -kInfinity);  // 2 / 2^5 is more than 5 %
  const Estimate six = estimate_median(std::vector<double>{6, 5, 1, 4, 2, 3});
  EXPECT_EQ(six.value, 3.5);
  EXPECT_EQ(six.low, 1);
  EXPECT_EQ(six.high, 6);
  std::vector<double> ten(10);
  for (size_t i = 0; i < ten.size(); ++i) ten[i] = static_cast<double>(i + 1);
  EXPECT_EQ(estimate_median(ten).low, 2);  // the tables' 2nd and 9th of ten
  EXPECT_EQ(estimate_median(ten).high, 9);
}

TEST(Statistics, IntervalsCoverTheTruthAboutAsOftenAsTheySay) {
  constexpr int kRounds = 2000;
  int rate = 0, mean = 0, median = 0;
  for (int round = 0; round < kRounds; ++round) {
    RandomEngine engine = make_engine({.seed = 1, .round = round, .purpose = "coverage"});
    std::vector<double> values(20);
    int64_t below = 0;
    for (double& value : values) below += (value = uniform(engine)) < 0.3;
    const auto covers = [](const Estimate& estimate, double truth) {
      return estimate.low <= truth && truth <= estimate.high;
    };
    rate += covers(estimate_rate(below, 20), 0.3);
    mean += covers(estimate_mean(values), 0.5);
    median += covers(estimate_median(values), 0.5);
  }
  EXPECT_NEAR(rate, 0.95 * kRounds, 0.03 * kRounds);
  EXPECT_NEAR(mean, 0.95 * kRounds, 0.03 * kRounds);
  EXPECT_GE(median, 0.94 * kRounds);
}

TEST(Statistics, ValuesThatAreNoneAreAnError) {
  EXPECT_THROW(estimate_rate(3, 2), DataError);
  EXPECT_THROW(estimate_rate(-1, 2), DataError);
  EXPECT_THROW(estimate_mean(std::vector<double>{1, NAN}), DataError);
  EXPECT_THROW(estimate_median(std::vector<double>{kInfinity}), DataError);
}

}  // namespace
}  // namespace archleak
