#include <gmock/gmock.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "attacks/membership/evaluator.h"
#include "attacks/membership/lira.h"
#include "attacks/membership/rmia.h"
#include "core/error.h"
#include "tests/attacks/membership/gaussians.h"

namespace archleak::attacks {
namespace {

using Mode = LiraOptions::Mode;
using Centre = LiraOptions::Centre;
using Variance = LiraOptions::Variance;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

/// Models whose phi of a sample is normal about how easy it is, and higher if they were trained on it, as half of the
/// shadow models were.
struct World {
  static constexpr double kGain = 2.5;
  static constexpr double kSpread = 5;
  ShadowTable samples, population;
  std::vector<double> target, target_population;
  std::vector<uint8_t> member;

  /// `shadows` is even, so that the target is of no pair.
  World(int64_t shadows, uint64_t seed, int64_t count = 4000) {
    RandomEngine engine = make_engine({.seed = seed, .purpose = "world"});
    std::vector<double> ease, population_ease;
    for (int64_t i = 0; i < count; ++i) ease.push_back(kSpread * test::normal(engine));
    for (int64_t i = 0; i < count; ++i) population_ease.push_back(kSpread * test::normal(engine));
    samples = {.shadows = shadows, .samples = count};
    population = {.shadows = shadows, .samples = count};
    for (int64_t model = 0; model <= shadows; ++model) {
      for (int64_t i = 0; i < count; ++i) {
        // Shadow models come in pairs that share the samples out between them.
        const bool in = model % 2 == 1 ? !samples.in_at(model - 1, i) : engine() % 2 == 0;
        const double phi = ease[i] + (in ? kGain : 0) + test::normal(engine);
        (model < shadows ? samples.phi : target).push_back(phi);
        (model < shadows ? samples.in : member).push_back(in);
      }
      for (const double e : population_ease) {
        (model < shadows ? population.phi : target_population).push_back(e + test::normal(engine));
        if (model < shadows) population.in.push_back(0);
      }
    }
  }

  double tpr(const std::vector<double>& scores) const {
    return evaluate(scores, member, {.resamples = 0}).value.tpr_at_1_percent;
  }
};

TEST(Lira, IsTheRatioOfTwoNormalDensities) {
  const ShadowTable table{.shadows = 6, .samples = 1, .phi = {4, 6, 11, -1, 0, 4}, .in = {1, 1, 1, 0, 0, 0}};
  const auto log_density = [](double x, double centre, double deviation) {
    return std::log(boost::math::pdf(boost::math::normal(centre, deviation), x));
  };
  const double in = std::sqrt((9 + 1 + 16) / 3.0), out = std::sqrt((4 + 1 + 9) / 3.0);
  EXPECT_THAT(lira(table, {5}), ElementsAre(DoubleNear(log_density(5, 6, in) - log_density(5, 0, out), 1e-12)));
  EXPECT_THAT(lira(table, {5}, {.centre = Centre::mean}),
              ElementsAre(DoubleNear(log_density(5, 7, in) - log_density(5, 1, out), 1e-12)));
  EXPECT_THAT(lira(table, {5}, {.mode = Mode::offline}), ElementsAre(DoubleNear(5 / out, 1e-12)));
}

TEST(Lira, PoolsTheSpreadAboutEachSamplesOwnCentre) {
  // Two samples a hundred apart; two shadows that deviate by 1 and by 2 about their means.
  const ShadowTable table{.shadows = 2, .samples = 2, .phi = {-1, 98, 1, 102}, .in = {0, 0, 0, 0}};
  const double deviation = std::sqrt((1.0 + 1 + 4 + 4) / 2);
  EXPECT_THAT(lira(table, {3, 100}, {.mode = Mode::offline, .variance = Variance::global}),
              ElementsAre(DoubleNear(3 / deviation, 1e-12), DoubleNear(0, 1e-12)));
}

TEST(Lira, StaysFiniteWhereShadowsAgreeToTheBit) {
  const ShadowTable table{.shadows = 4, .samples = 1, .phi = {2, 2, 1, 1}, .in = {1, 1, 0, 0}};
  EXPECT_TRUE(std::isfinite(lira(table, {50})[0]));
  EXPECT_LT(lira(table, {1})[0], 0);
  EXPECT_GT(lira(table, {2})[0], 0);
}

TEST(Lira, NamesTheSampleThatLacksShadows) {
  const ShadowTable table{.shadows = 3, .samples = 2, .phi = {1, 2, 3, 4, 5, 6}, .in = {1, 0, 1, 0, 0, 1}};
  const auto message = [&](const LiraOptions& options) {
    try {
      lira(table, {1, 1}, options);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message({}), HasSubstr("expected at least 2 shadow models without sample 0, got 1"));
  EXPECT_EQ(message({.variance = Variance::global}), "no error");
  EXPECT_THROW(lira({.shadows = 1, .samples = 1, .phi = {1}, .in = {1}}, {1}, {.variance = Variance::global}),
               DataError);
  EXPECT_THROW(lira({.shadows = 1, .samples = 1, .phi = {1}, .in = {0}}, {1}, {.variance = Variance::global}),
               DataError);
  EXPECT_THROW(lira(table, {1}), DataError);
  EXPECT_THROW(lira(table, {1, NAN}), DataError);
  EXPECT_THROW(lira({}, {}), DataError);
}

/// By definition: in probabilities, and every pair.
std::vector<double> plain_rmia(const World& world, const RmiaOptions& options) {
  const auto p = [](double phi) { return 1 / (1 + std::exp(-phi)); };
  const auto ratio = [&](const ShadowTable& table, double target, int64_t i, bool population) {
    double sums[2] = {0, 0}, counts[2] = {0, 0};
    for (int64_t s = 0; s < table.shadows; ++s) {
      sums[table.in_at(s, i)] += p(table.phi_at(s, i));
      ++counts[table.in_at(s, i)];
    }
    const double out = sums[0] / counts[0];
    const bool offline = options.mode == RmiaOptions::Mode::offline;
    const double average = offline      ? (1 + options.a) / 2 * out + (1 - options.a) / 2
                           : population ? out
                                        : (out + sums[1] / counts[1]) / 2;
    return p(target) / average;
  };
  std::vector<double> scores;
  for (int64_t i = 0; i < world.samples.samples; ++i) {
    int64_t beaten = 0;
    for (int64_t z = 0; z < world.population.samples; ++z) {
      beaten += ratio(world.samples, world.target[i], i, false) >=
                options.gamma * ratio(world.population, world.target_population[z], z, true);
    }
    scores.push_back(static_cast<double>(beaten) / static_cast<double>(world.population.samples));
  }
  return scores;
}

std::vector<double> rmia_of(const World& world, const RmiaOptions& options = {}) {
  return rmia(world.samples, world.target, world.population, world.target_population, options);
}

TEST(Rmia, IsItsDefinition) {
  const World world(12, 1, 60);
  for (const RmiaOptions& options :
       {RmiaOptions{.a = 0.3}, RmiaOptions{.a = 0}, RmiaOptions{.a = 1, .gamma = 1.7},
        RmiaOptions{.mode = RmiaOptions::Mode::online}, RmiaOptions{.mode = RmiaOptions::Mode::online, .gamma = 0.5}}) {
    EXPECT_THAT(rmia_of(world, options), testing::Pointwise(DoubleNear(1e-12), plain_rmia(world, options)));
  }
}

TEST(Rmia, CountsAPopulationSampleThatIsAsLikelyAsBeaten) {
  const ShadowTable table{.shadows = 1, .samples = 1, .phi = {0.5}, .in = {0}};
  EXPECT_THAT(rmia(table, {2}, table, {2}), ElementsAre(1));
  EXPECT_THAT(rmia(table, {2}, table, {2}, {.gamma = 1.01}), ElementsAre(0));
}

TEST(Rmia, TellsConfidentModelsApartWhereProbabilitiesRoundToOne) {
  const ShadowTable unlikely{.shadows = 1, .samples = 1, .phi = {-2000}, .in = {0}};
  EXPECT_THAT(rmia(unlikely, {-1000}, unlikely, {-1001}, {.a = 1}), ElementsAre(1));
  EXPECT_THAT(rmia(unlikely, {-1001}, unlikely, {-1000}, {.a = 1}), ElementsAre(0));
}

TEST(Rmia, FindsTheShareOfOutOnAShadowModel) {
  const World world(16, 5, 1000);
  const double a = fit_rmia_a(world.samples, world.population);
  // By definition: the first shadow is the target of the others.
  World shadow = world;
  shadow.samples.shadows = shadow.population.shadows = 15;
  const auto take_first = [](ShadowTable& table, std::vector<double>& phi) {
    phi.assign(table.phi.begin(), table.phi.begin() + table.samples);
    table.phi.erase(table.phi.begin(), table.phi.begin() + table.samples);
    table.in.erase(table.in.begin(), table.in.begin() + table.samples);
  };
  shadow.member.assign(shadow.samples.in.begin(), shadow.samples.in.begin() + 1000);
  take_first(shadow.samples, shadow.target);
  take_first(shadow.population, shadow.target_population);
  const auto auc = [&](double at) {
    return evaluate(rmia_of(shadow, {.a = at}), shadow.member, {.resamples = 0}).value.auc;
  };
  for (int tenth = 0; tenth <= 10; ++tenth) EXPECT_GE(auc(a), auc(tenth / 10.0)) << tenth;
  EXPECT_GT(auc(a), std::min(auc(0), auc(1)) + 0.001) << "it matters here";
}

TEST(Rmia, RefusesWhatItCannotCompare) {
  const World world(4, 1, 60);
  World bad = world;
  bad.population.in[0] = 1;
  EXPECT_THROW(rmia_of(bad), DataError);
  bad = world;
  bad.population = {.shadows = 4};
  bad.target_population.clear();
  EXPECT_THROW(rmia_of(bad), DataError);
  bad = world;
  bad.population = World(6, 1, 60).population;
  EXPECT_THROW(rmia_of(bad), DataError);
  bad = world;
  std::fill(bad.samples.in.begin(), bad.samples.in.end(), 1);
  EXPECT_THROW(rmia_of(bad), DataError);
  bad = world;
  bad.target.pop_back();
  EXPECT_THROW(rmia_of(bad), DataError);
  EXPECT_THROW(rmia_of(world, {.a = 1.1}), ConfigError);
  EXPECT_THROW(rmia_of(world, {.gamma = 0}), ConfigError);
  EXPECT_THROW(fit_rmia_a(bad.samples, {}), DataError);
  EXPECT_THROW(fit_rmia_a({.shadows = 1, .samples = 1, .phi = {1}, .in = {1}}, world.population), DataError);
}

TEST(ShadowAttacks, BeatTheLossThresholdAtOnePercentFalsePositives) {
  const World many(64, 1), few(8, 1);
  const double by_loss = many.tpr(many.target);  // phi rises as the loss falls
  EXPECT_GT(by_loss, 0.005);
  EXPECT_LT(by_loss, 0.05);
  EXPECT_GT(many.tpr(lira(many.samples, many.target)), 5 * by_loss);
  EXPECT_GT(many.tpr(lira(many.samples, many.target, {.mode = Mode::offline})), 5 * by_loss);
  EXPECT_GT(many.tpr(rmia_of(many, {.mode = RmiaOptions::Mode::online})), 2 * by_loss);
  EXPECT_GT(many.tpr(rmia_of(many)), 2 * by_loss);
  EXPECT_GT(few.tpr(lira(few.samples, few.target, {.mode = Mode::offline, .variance = Variance::global})),
            2 * few.tpr(few.target));
}

TEST(ShadowAttacks, ReachTheBestPossibleRateWithManyShadows) {
  // Given each sample's own normals, one apart by the gain, no test beats their ratio: Phi(gain + Phi^-1(1 %)).
  const World world(64, 2);
  const boost::math::normal normal;
  const double best = boost::math::cdf(normal, World::kGain + boost::math::quantile(normal, 0.01));
  const double found = world.tpr(lira(world.samples, world.target, {.variance = Variance::global}));
  EXPECT_GT(found, best - 0.08);
  EXPECT_LT(found, best + 0.08);
}

TEST(ShadowAttacks, GainFromAGlobalVarianceWithFewShadows) {
  const World world(10, 3);
  EXPECT_GT(world.tpr(lira(world.samples, world.target, {.variance = Variance::global})),
            world.tpr(lira(world.samples, world.target)) + 0.05);
}

TEST(ShadowAttacks, SayNothingOfATargetThatSawNobody) {
  World world(32, 4);
  for (size_t i = 0; i < world.target.size(); ++i) world.target[i] -= world.member[i] ? World::kGain : 0;
  for (const auto& scores : {lira(world.samples, world.target), rmia_of(world)}) {
    const auto found = evaluate(scores, world.member, {.resamples = 400, .confidence = 0.999});
    EXPECT_LE(found.low.auc, 0.5);
    EXPECT_GE(found.high.auc, 0.5);
  }
}

}  // namespace
}  // namespace archleak::attacks
