#include "server/alpha_sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/torch_random.h"

namespace archleak::server {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

// Two weights of operation 0 and one of operation 1 in one row, one that every client has; a buffer of operation 1.
struct Model : torch::nn::Module {
  Model() {
    register_parameter("first", torch::tensor({1.f, 2.f}));
    register_parameter("second", torch::tensor({3.f}));
    register_parameter("everyones", torch::tensor({4.f}));
    register_parameter("alpha", torch::zeros({1, 2}));
    register_buffer("mean", torch::tensor({10.f}));
  }
};

class AverageOverHolders : public testing::Test {
 protected:
  AverageOverHolders() : arena_(Arena::adopt(model_, [](const std::string& name) { return name == "alpha"; })) {}
  Model model_;
  Arena arena_;
  const std::vector<OperationPart> parts_{{0, 2, 0, 0}, {2, 1, 0, 1}, {6, 1, 0, 1}};
};

TEST_F(AverageOverHolders, APartsMeanIsOverTheClientsThatHadIt) {
  // Client one (weight 3) had operation 0 and sent (4, 8, -, 1), client two (weight 1) operation 1: (-, 2, 5), 14.
  std::vector<float> mean{3 * 4 / 4.f, 3 * 8 / 4.f, 2 / 4.f, (3 * 1 + 5) / 4.f, (3 * 10 + 14) / 4.f};
  average_over_holders(mean, arena_, parts_, std::vector<Holder>{{{0}, 3}, {{1}, 1}});
  EXPECT_THAT(mean, ElementsAre(FloatEq(4), FloatEq(8), FloatEq(2), FloatEq(2), FloatEq(14)));
}

TEST_F(AverageOverHolders, APartThatNobodyHadStaysAsItIs) {
  std::vector<float> mean{1, 2, 0, 3, 10};
  average_over_holders(mean, arena_, parts_, std::vector<Holder>{{{0}, 3}, {{0}, 2}});
  EXPECT_THAT(mean, ElementsAre(1, 2, 0, 3, 10));
}

TEST_F(AverageOverHolders, BuffersThatAreNotSentAreLeftOut) {
  std::vector<float> mean{1, 2, 2, 3};
  average_over_holders(mean, arena_, parts_, std::vector<Holder>{{{0}, 1}, {{1}, 1}});
  EXPECT_THAT(mean, ElementsAre(2, 4, 4, 3));
}

TEST(SampleChoice, DrawsOperationsAsOftenAsTheSoftmaxSays) {
  const std::vector<torch::Tensor> rows{torch::tensor({0.0, std::log(3.0)})};
  int64_t second = 0;
  for (int64_t client = 0; client < 4000; ++client) second += sample_choice(rows, 1, 0, client)[0];
  EXPECT_NEAR(static_cast<double>(second) / 4000, 0.75, 0.03);
}

TEST(PolicyGradient, IsThatOfTheExpectedLogProbabilityTimesTheAdvantage) {
  const auto generator = make_torch_generator({.purpose = "alpha"});
  const std::vector<torch::Tensor> rows{torch::randn({3}, generator, torch::kFloat64),
                                        torch::randn({3}, generator, torch::kFloat64)};
  const std::vector<Reward> rewards{{{0, 2}, 0.9}, {{1, 2}, 0.2}, {{2, 0}, 0.4}};
  constexpr double kBaseline = 0.5;
  const auto objective = [&](const std::vector<torch::Tensor>& at) {
    double sum = 0;
    for (const auto& [choice, reward] : rewards) {
      for (size_t row = 0; row < at.size(); ++row) {
        sum -= (reward - kBaseline) * at[row].log_softmax(0)[choice[row]].item<double>();
      }
    }
    return sum / static_cast<double>(rewards.size());
  };
  const torch::Tensor gradient = policy_gradient(rows, rewards, kBaseline);
  for (int64_t i = 0; i < 6; ++i) {
    const auto moved = [&](double by) {
      std::vector<torch::Tensor> at{rows[0].clone(), rows[1].clone()};
      at[i / 3][i % 3] += by;
      return objective(at);
    };
    EXPECT_NEAR(gradient[i].item<double>(), (moved(1e-5) - moved(-1e-5)) / 2e-5, 1e-6);
  }
}

TEST(AlphaEntropy, IsTheLogarithmOfTheOperationsForEqualAlphas) {
  EXPECT_NEAR(alpha_entropy({torch::zeros({8}), torch::zeros({8})}), std::log(8.0), 1e-12);
  EXPECT_EQ(alpha_entropy({}), 0);
}

}  // namespace
}  // namespace archleak::server
