#include "attacks/membership/bayes_optimal.h"

#include <gmock/gmock.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "attacks/membership/evaluator.h"
#include "attacks/membership/lira.h"
#include "attacks/membership/threshold_attack.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "data/batch.h"
#include "data/load.h"
#include "nas/architect.h"
#include "nas/dag_network.h"

namespace archleak::attacks {
namespace {

using testing::DoubleNear;

constexpr double kNothing = -std::numeric_limits<double>::infinity();

/// Alpha is the mean gradient of the training set's members, a fixed number a candidate, plus N(0, deviation^2).
struct NoisySum {
  std::vector<std::vector<double>> gradients;  // [candidates][alpha]
  double deviation = 1;

  std::vector<double> sum(uint32_t set) const {
    std::vector<double> total(gradients[0].size());
    for (size_t i = 0; i < gradients.size(); ++i) {
      for (size_t j = 0; j < total.size(); ++j) total[j] += (set >> i & 1) * gradients[i][j];
    }
    return total;
  }

  double log_likelihood(const std::vector<double>& alpha, uint32_t set) const {
    const auto mean = sum(set);
    double squares = 0;
    for (size_t j = 0; j < alpha.size(); ++j) squares += (alpha[j] - mean[j]) * (alpha[j] - mean[j]);
    return -squares / (2 * deviation * deviation);
  }

  std::vector<double> draw(uint32_t set, RandomEngine& engine) const {
    auto alpha = sum(set);
    std::normal_distribution<double> noise(0, deviation);
    for (double& value : alpha) value += noise(engine);
    return alpha;
  }

  std::vector<double> posterior(const std::vector<double>& alpha, double prior = 0.5) const {
    return bayes_membership(static_cast<int64_t>(gradients.size()), prior,
                            [&](uint32_t set) { return log_likelihood(alpha, set); });
  }
};

TEST(BayesMembership, OfOneCandidateIsTheLogisticFunctionOfTheLikelihoodRatio) {
  for (const double prior : {0.1, 0.5, 0.8}) {
    const auto posterior = bayes_membership(1, prior, [](uint32_t set) { return set ? -2.0 : -3.5; });
    EXPECT_NEAR(posterior[0], 1 / (1 + (1 - prior) / prior * std::exp(-1.5)), 1e-15);
  }
}

TEST(BayesMembership, IsTheoremOneWithTheMeanOverTheOthersGivenAlpha) {
  NoisySum mechanism{.gradients = {{1, 0}, {0.5, 0.7}, {-0.3, 1}}, .deviation = 0.6};
  const std::vector<double> alpha{0.8, 0.9};
  const double prior = 0.3;
  const auto posterior = mechanism.posterior(alpha, prior);
  for (int i = 0; i < 3; ++i) {
    double sum = 0, all = 0;
    for (uint32_t others = 0; others < 8; ++others) {
      if (others >> i & 1) continue;
      const double in = std::exp(mechanism.log_likelihood(alpha, others | 1U << i));
      const double out = std::exp(mechanism.log_likelihood(alpha, others));
      const int members = __builtin_popcount(others);
      const double before = std::pow(prior, members) * std::pow(1 - prior, 2 - members);
      const double given_alpha = before * (prior * in + (1 - prior) * out);
      sum += given_alpha / (1 + (1 - prior) / prior * out / in);
      all += given_alpha;
    }
    EXPECT_NEAR(posterior[i], sum / all, 1e-12);
  }
}

TEST(BayesMembership, SaysThePriorWhereAlphaSaysNothing) {
  for (const double p : bayes_membership(5, 0.3, [](uint32_t) { return -1e6; })) EXPECT_NEAR(p, 0.3, 1e-9);
}

TEST(BayesMembership, IsCertainWhereOneSetAloneIsPossible) {
  const auto posterior = bayes_membership(4, 0.5, [](uint32_t set) { return set == 0b1010 ? 0.0 : kNothing; });
  EXPECT_THAT(posterior, testing::ElementsAre(0, 1, 0, 1));
  EXPECT_EQ(bayes_accuracy(posterior), 1);
}

TEST(BayesMembership, OfOneGaussianGradientIsRightAsOftenAsTheClosedForm) {
  // Two normal densities d deviations apart are told apart with probability Phi(d / 2).
  const NoisySum mechanism{.gradients = {{1.5}}, .deviation = 1};
  RandomEngine engine = make_engine({.seed = 1, .purpose = "test"});
  double expected = 0, right = 0;
  constexpr int kTrials = 20000;
  for (int trial = 0; trial < kTrials; ++trial) {
    const uint32_t truth = trial % 2;
    const auto posterior = mechanism.posterior(mechanism.draw(truth, engine));
    expected += bayes_accuracy(posterior) / kTrials;
    right += ((posterior[0] >= 0.5) == (truth == 1)) / static_cast<double>(kTrials);
  }
  const double closed = boost::math::cdf(boost::math::normal(), 0.75);
  EXPECT_NEAR(expected, closed, 0.01);
  EXPECT_NEAR(right, closed, 0.01);  // three standard errors
}

TEST(BayesMembership, RefusesWhatItCannotCompute) {
  const auto flat = [](uint32_t) { return 0.0; };
  EXPECT_THROW(bayes_membership(0, 0.5, flat), ConfigError);
  EXPECT_THROW(bayes_membership(21, 0.5, flat), ConfigError);
  EXPECT_THROW(bayes_membership(3, 0, flat), ConfigError);
  EXPECT_THROW(bayes_membership(3, 1, flat), ConfigError);
  EXPECT_THROW(bayes_membership(3, std::nan(""), flat), ConfigError);
  EXPECT_THROW(bayes_membership(3, 0.5, [](uint32_t) { return kNothing; }), DataError);
  EXPECT_THROW(bayes_membership(3, 0.5, [](uint32_t) { return std::nan(""); }), DataError);
}

/// A step on alpha with the noisy gradients of up to eight digits, as a search with noise on its updates takes it.
class NoisyArchitectureStep : public testing::Test {
 protected:
  static constexpr int kCandidates = 8;

  void SetUp() override {
    torch::set_num_threads(1);
    const auto digits =
        data::load(data::DataOptions{.name = "digits", .train_size = kCandidates, .test_size = 10}, 3).train;
    std::vector<int64_t> all(kCandidates);
    std::iota(all.begin(), all.end(), 0);
    const auto batch = data::gather(digits, all, data::make_transform({}, digits));
    batch_ = {batch.images, batch.labels};
    network_ = nas::make_dag_network({.cells = 6, .channels = 1}, digits.shape, digits.classes,
                                     make_torch_generator({.seed = 3, .purpose = "test"}));
    const auto by_example = nas::alpha_gradients_by_example(*network_, batch_).gradients.to(torch::kFloat64);
    const double scale = by_example.norm(2, 1).mean().item<double>();
    for (int i = 0; i < kCandidates; ++i) {
      const auto row = (by_example[i] / scale).contiguous();
      mechanism_.gradients.emplace_back(row.data_ptr<double>(), row.data_ptr<double>() + row.numel());
    }
    mechanism_.deviation = 0.3;
  }

  nas::Batch batch_;
  std::shared_ptr<nas::DagNetwork> network_;
  NoisySum mechanism_;
};

TEST_F(NoisyArchitectureStep, NoAttackIsRightMoreOftenThanTheBayesOptimalOne) {
  // What the attacks see of a candidate: how far alpha has moved along its gradient, 1 more if it is a member.
  const auto answers = [&](const std::vector<double>& alpha) {
    std::vector<double> phi;
    for (const auto& gradient : mechanism_.gradients) {
      const double own = std::inner_product(gradient.begin(), gradient.end(), alpha.begin(), 0.0);
      phi.push_back(own / std::inner_product(gradient.begin(), gradient.end(), gradient.begin(), 0.0));
    }
    return phi;
  };
  // As answers of a classifier of two classes, whose scaled confidence is phi.
  const auto add = [](Signals& signals, const std::vector<double>& phi, uint32_t truth) {
    for (size_t i = 0; i < phi.size(); ++i) {
      signals.logits.insert(signals.logits.end(), {phi[i], 0});
      signals.labels.push_back(0);
      signals.member.push_back(truth >> i & 1);
    }
  };
  const auto draw_set = [](RandomEngine& engine) {
    return static_cast<uint32_t>(uniform_index(1 << kCandidates, engine));
  };

  constexpr int kShadows = 256, kTrials = 400;
  ShadowTable table{.shadows = kShadows, .samples = kCandidates, .phi = {}, .in = {}};
  Signals shadows{.classes = 2, .logits = {}, .labels = {}, .member = {}}, targets = shadows;
  RandomEngine attacker = make_engine({.seed = 5, .purpose = "test"});
  for (int shadow = 0; shadow < kShadows; ++shadow) {
    const auto truth = draw_set(attacker);
    const auto phi = answers(mechanism_.draw(truth, attacker));
    table.phi.insert(table.phi.end(), phi.begin(), phi.end());
    for (int i = 0; i < kCandidates; ++i) table.in.push_back(truth >> i & 1);
    add(shadows, phi, truth);
  }
  RandomEngine engine = make_engine({.seed = 2, .purpose = "test"});
  std::vector<double> optimal, ratios;
  double bound = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto truth = draw_set(engine);
    const auto alpha = mechanism_.draw(truth, engine);
    const auto posterior = mechanism_.posterior(alpha);
    bound += bayes_accuracy(posterior) / kTrials;
    optimal.insert(optimal.end(), posterior.begin(), posterior.end());
    const auto phi = answers(alpha);
    const auto scores = lira(table, phi);
    ratios.insert(ratios.end(), scores.begin(), scores.end());
    add(targets, phi, truth);
  }
  const auto rate = [&](const std::vector<double>& scores, double threshold) {
    return evaluate(scores, targets.member, {.threshold = threshold, .resamples = 0}).value.accuracy;
  };
  const double three_errors = 3 * std::sqrt(0.25 / (kTrials * kCandidates));
  EXPECT_NEAR(rate(optimal, 0.5), bound, three_errors) << "what it promises is what it reaches";
  EXPECT_GT(bound, 0.6) << "the step does give members away";
  EXPECT_LT(bound, 0.99);
  const auto losses = threshold_attack(ThresholdSignal::loss, ThresholdScope::global, shadows, targets);
  for (const double found : {rate(ratios, 0), rate(losses, 0)}) {
    EXPECT_LT(found, bound + three_errors);
    EXPECT_GT(found, 0.5 + three_errors) << "an attack that finds nothing shows nothing here";
  }
}

TEST_F(NoisyArchitectureStep, MoreNoiseLeavesLessToKnow) {
  double before = 1;
  for (const double deviation : {0.05, 0.3, 1.0, 10.0}) {
    mechanism_.deviation = deviation;
    RandomEngine engine = make_engine({.seed = 4, .purpose = "test"});
    double bound = 0;
    for (int trial = 0; trial < 100; ++trial) {
      const auto truth = static_cast<uint32_t>(uniform_index(1 << kCandidates, engine));
      bound += bayes_accuracy(mechanism_.posterior(mechanism_.draw(truth, engine))) / 100;
    }
    EXPECT_LT(bound, before + 1e-9) << deviation;
    before = bound;
  }
  EXPECT_NEAR(before, 0.5, 0.05);
}

}  // namespace
}  // namespace archleak::attacks
