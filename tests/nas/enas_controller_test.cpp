#include "nas/enas_controller.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "core/torch_random.h"
#include "nas/operations.h"

namespace archleak::nas {
namespace {

EnasController controller(int64_t steps, uint64_t seed = 1) {
  torch::set_num_threads(1);
  return EnasController(steps, make_torch_generator({.seed = seed, .purpose = "controller"}));
}

double log_probability(const EnasController& of, const std::vector<int64_t>& decisions) {
  return of.likelihood(decisions).log_probability.item<double>();
}

/// Weights of order one, so that distributions differ from uniform ones.
void sharpen(EnasController& of) {
  const torch::NoGradGuard no_grad;
  of.arena().values().mul_(10);
}

TEST(EnasController, ProbabilitiesOfAllSamplesOfTheSmallestCellsAddUpToOneAndTheirEntropyIsTheMean) {
  EnasController small = controller(1);
  sharpen(small);
  std::vector<int64_t> decisions(8);
  double total = 0, entropy = 0, mean = 0, largest = 0;
  std::vector<int64_t> likeliest;
  // A node has two states below, in either order, and two of five operations: 50 ways a cell.
  for (int64_t code = 0; code < 50 * 50; ++code) {
    for (int64_t cell = 0, rest = code; cell < 2; ++cell, rest /= 50) {
      decisions[4 * cell] = rest % 2;
      decisions[4 * cell + 1] = 1 - rest % 2;
      decisions[4 * cell + 2] = rest / 2 % 5;
      decisions[4 * cell + 3] = rest % 50 / 10;
    }
    const auto likelihood = small.likelihood(decisions);
    const double log_p = likelihood.log_probability.item<double>();
    total += std::exp(log_p);
    entropy -= std::exp(log_p) * log_p;
    mean += std::exp(log_p) * likelihood.entropy;
    if (std::exp(log_p) > largest) largest = std::exp(log_p), likeliest = decisions;
  }
  EXPECT_NEAR(total, 1, 1e-12);
  EXPECT_NEAR(mean, entropy, 1e-10);
  EXPECT_LT(entropy, std::log(2500.0) - 0.01);
}

TEST(EnasController, DrawsSamplesAsOftenAsTheirProbabilitySays) {
  EnasController small = controller(1);
  sharpen(small);
  RandomEngine engine = make_engine({.seed = 2, .purpose = "samples"});
  std::map<std::pair<int64_t, int64_t>, double> seen;  // by first state and first operation of the normal cell
  std::map<std::pair<int64_t, int64_t>, double> expected;
  constexpr int kSamples = 2000;
  for (int i = 0; i < kSamples; ++i) {
    const auto decisions = small.sample(engine).decisions;
    seen[{decisions[0], decisions[2]}] += 1.0 / kSamples;
  }
  for (int64_t code = 0; code < 50 * 50; ++code) {
    const std::vector<int64_t> decisions{code % 2,      1 - code % 2,      code / 2 % 5,   code % 50 / 10,
                                         code / 50 % 2, 1 - code / 50 % 2, code / 100 % 5, code / 500};
    expected[{decisions[0], decisions[2]}] += std::exp(log_probability(small, decisions));
  }
  for (const auto& [key, probability] : expected) EXPECT_NEAR(seen[key], probability, 0.04);
}

TEST(EnasController, LogProbabilitysGradientIsItsSlope) {
  EnasController two = controller(2);
  sharpen(two);
  RandomEngine engine = make_engine({.seed = 4, .purpose = "sample"});
  const auto decisions = two.sample(engine).decisions;
  two.likelihood(decisions).log_probability.backward();
  const torch::Tensor gradient = two.arena().gradients().clone();
  EXPECT_GT(gradient.abs().max().item<double>(), 0.01);
  const torch::Tensor direction = torch::randn(gradient.sizes(), make_torch_generator({.purpose = "direction"}),
                                               torch::TensorOptions().dtype(torch::kFloat64));
  constexpr double kStep = 1e-6;
  const auto moved = [&](double by) {
    const torch::NoGradGuard no_grad;
    two.arena().values().add_(direction, by);
    const double value = log_probability(two, decisions);
    two.arena().values().add_(direction, -by);
    return value;
  };
  const double slope = (moved(kStep) - moved(-kStep)) / (2 * kStep);
  EXPECT_NEAR(gradient.dot(direction).item<double>(), slope, 1e-6 * std::abs(slope) + 1e-7);
}

TEST(EnasController, EveryWeightCounts) {
  EnasController two = controller(2);
  RandomEngine engine = make_engine({.seed = 4, .purpose = "sample"});
  for (int i = 0; i < 10; ++i) two.likelihood(two.sample(engine).decisions).log_probability.backward();
  for (const auto& entry : two.arena().layout().entries) {
    const auto part = two.arena().gradients().slice(0, entry.offset, entry.offset + entry.size);
    EXPECT_GT(part.abs().max().item<double>(), 0) << entry.name;
  }
}

TEST(EnasController, ASampleTakesTwoStatesANodeWithOperationsOfEnas) {
  const EnasController four = controller(4);
  RandomEngine engine = make_engine({.seed = 5, .purpose = "sample"});
  for (int i = 0; i < 20; ++i) {
    const auto sample = four.sample(engine);
    EXPECT_NO_THROW(genotype_of(sample.choice, 4, 4));
    for (const int64_t operation : sample.choice) EXPECT_TRUE(operation == kNone || operation <= kSeparable5);
    EXPECT_EQ(std::ssize(sample.decisions), four.decision_count());
  }
}

TEST(EnasController, TheLikeliestHasNoLessProbabilityThanAnySample) {
  EnasController two = controller(2);
  sharpen(two);
  const double most = log_probability(two, two.likeliest().decisions);
  RandomEngine engine = make_engine({.seed = 6, .purpose = "sample"});
  for (int i = 0; i < 50; ++i) EXPECT_LE(log_probability(two, two.sample(engine).decisions), most);
}

TEST(EnasController, RefusesDecisionsThatCannotHaveBeenMade) {
  const EnasController one = controller(1);
  EXPECT_THROW(one.likelihood({0, 0, 1, 1, 0, 1, 1, 1}), Error) << "the same state twice";
  EXPECT_THROW(one.likelihood({0, 2, 1, 1, 0, 1, 1, 1}), Error);
  EXPECT_THROW(one.likelihood({0, 1, 1, 5, 0, 1, 1, 1}), Error);
  EXPECT_THROW(one.likelihood({0, 1, 1, 1}), Error);
}

TEST(ControllerTrainer, ARewardedSampleBecomesLikelierAndAPunishedOneLessSo) {
  EnasController two = controller(2);
  ControllerTrainer trainer(two, 0.01, 0);
  const std::vector<int64_t> good{0, 1, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 2, 1, 0, 0};
  const std::vector<int64_t> bad{1, 0, 3, 3, 0, 1, 3, 3, 1, 0, 3, 3, 0, 1, 3, 3};
  const double good_before = log_probability(two, good), bad_before = log_probability(two, bad);
  for (int i = 0; i < 20; ++i) trainer.step({good, bad}, {0.9, 0.1});
  EXPECT_GT(log_probability(two, good), good_before + 1);
  EXPECT_LT(log_probability(two, bad), bad_before - 1);
  EXPECT_NEAR(trainer.baseline(), 0.5, 1e-12);
}

TEST(ControllerTrainer, EntropyAddsToTheReward) {
  EnasController one = controller(1);
  ControllerTrainer trainer(one, 0.01, 2);
  const std::vector<int64_t> decisions{0, 1, 1, 1, 0, 1, 1, 1};
  const double entropy = one.likelihood(decisions).entropy;
  trainer.step({decisions}, {0.25});
  EXPECT_NEAR(trainer.baseline(), 0.25 + 2 * entropy, 1e-12);
}

TEST(ControllerTrainer, ContinuesFromItsBytesToTheSameBits) {
  const std::vector<int64_t> first{0, 1, 0, 0, 0, 1, 2, 3}, second{1, 0, 3, 3, 1, 0, 4, 0};
  EnasController whole = controller(1), continued = controller(1, 2);
  ControllerTrainer trainer(whole, 0.01, 1e-4), other(continued, 0.01, 1e-4);
  trainer.step({first, second}, {0.9, 0.2});
  other.load(trainer.save());
  trainer.step({first, second}, {0.3, 0.6});
  other.step({first, second}, {0.3, 0.6});
  EXPECT_TRUE(whole.arena().values().equal(continued.arena().values()));
  EXPECT_EQ(other.save(), trainer.save());
  EXPECT_THROW(other.load("no controller"), CheckpointError);
  EXPECT_THROW(other.step({first}, {}), Error);
}

}  // namespace
}  // namespace archleak::nas
