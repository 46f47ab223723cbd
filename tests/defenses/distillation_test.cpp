#include "defenses/distillation.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "core/torch_random.h"
#include "defenses/distillation_loss.h"

namespace archleak::defenses {
namespace {

using testing::ElementsAre;

torch::Tensor drawn(std::vector<int64_t> shape, std::string_view purpose) {
  return torch::randn(shape, make_torch_generator({.seed = 1, .purpose = purpose}), torch::kFloat64);
}

TEST(Distillation, SoftLabelsAreTheSoftmaxAtTheTemperature) {
  const std::vector<float> logits{0, 1, 3, 700, 0, -700};
  for (const double temperature : {1.0, 4.0}) {
    const auto labels = soft_labels(logits, 3, temperature);
    const auto expected = torch::softmax(torch::tensor(logits).view({2, 3}) / temperature, 1);
    const auto got = torch::tensor(labels).view({2, 3});
    EXPECT_TRUE(torch::allclose(got, expected, 1e-6, 1e-7)) << got << expected;
  }
}

TEST(Distillation, EntropyIsZeroForACertainTeacherAndTheLogarithmOfTheClassesForOneThatKnowsNothing) {
  const std::vector<float> logits{800, 0, 0, 0, 5, 5, 5, 5, 0, std::log(3.0f), -900, -900};
  const auto entropies = prediction_entropies(logits, 4);
  EXPECT_NEAR(entropies[0], 0, 1e-12);
  EXPECT_NEAR(entropies[1], std::log(4), 1e-12);
  EXPECT_NEAR(entropies[2], -0.25 * std::log(0.25) - 0.75 * std::log(0.75), 1e-6);
}

TEST(Distillation, KeepsExactlyTheShareWithTheLowestEntropyAndTheFirstOfEqualOnes) {
  const std::vector<double> entropies{0.5, 0.1, 0.3, 0.1, 0.3, 0.3};
  EXPECT_THAT(lowest_entropies(entropies, 0.5), ElementsAre(1, 2, 3));
  EXPECT_THAT(lowest_entropies(entropies, 0.51), ElementsAre(1, 2, 3, 4)) << "rounded up";
  EXPECT_THAT(lowest_entropies(entropies, 1e-6), ElementsAre(1)) << "never nothing";
  EXPECT_THAT(lowest_entropies(entropies, 1), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(lowest_entropies(std::vector<double>(100), 0.55).size(), 55u);
  EXPECT_TRUE(lowest_entropies({}, 0.5).empty());
}

TEST(Distillation, RefusesLogitsThatAreNotFiniteOrDoNotFitTheClasses) {
  EXPECT_THROW(soft_labels(std::vector<float>{1, NAN}, 2, 1), DataError);
  EXPECT_THROW(prediction_entropies(std::vector<float>{1, INFINITY}, 2), DataError);
  EXPECT_THROW(soft_labels(std::vector<float>{1, 2, 3}, 2, 1), DataError);
}

TEST(DistillationLoss, IsTheKullbackLeiblerDivergenceOfTheStudentFromItsTeacher) {
  const auto teacher = torch::softmax(drawn({5, 7}, "teacher"), 1), logits = drawn({5, 7}, "student");
  const auto student = torch::softmax(logits / 2, 1);
  const auto expected = (teacher * (teacher / student).log()).sum(1);
  EXPECT_TRUE(torch::allclose(distillation_loss(logits, teacher, 2, at::Reduction::None), expected, 1e-12, 1e-12));
  EXPECT_NEAR(distillation_loss(logits, teacher, 2, at::Reduction::Mean).item<double>(), expected.mean().item<double>(),
              1e-12);
  EXPECT_NEAR(distillation_loss(logits, torch::softmax(logits, 1), 1, at::Reduction::Mean).item<double>(), 0, 1e-12);
}

TEST(DistillationLoss, IsTheCrossEntropyOfATeacherWithoutDoubt) {
  const auto logits = drawn({4, 3}, "student");
  const auto labels = torch::tensor({2, 0, 1, 1});
  const auto certain = torch::one_hot(labels, 3).to(torch::kFloat64);
  EXPECT_NEAR(distillation_loss(logits, certain, 1, at::Reduction::Mean).item<double>(),
              torch::cross_entropy_loss(logits, labels).item<double>(), 1e-12);
}

TEST(DistillationLoss, ItsGradientIsTheDifferenceOfTheProbabilities) {
  const auto teacher = torch::softmax(drawn({3, 4}, "teacher"), 1);
  for (const double temperature : {1.0, 3.0}) {
    auto logits = drawn({3, 4}, "student").requires_grad_();
    distillation_loss(logits, teacher, temperature, at::Reduction::Mean).backward();
    const auto expected = (torch::softmax(logits.detach() / temperature, 1) - teacher) / temperature / 3;
    EXPECT_TRUE(torch::allclose(logits.grad(), expected, 1e-10, 1e-12));
    // And by finite differences.
    const torch::NoGradGuard no_grad;
    constexpr double kStep = 1e-6;
    for (const auto& [row, column] : {std::pair(0, 1), std::pair(2, 3)}) {
      const auto loss_at = [&](double step) {
        auto moved = logits.detach().clone();
        moved[row][column] += step;
        return distillation_loss(moved, teacher, temperature, at::Reduction::Mean).item<double>();
      };
      EXPECT_NEAR((loss_at(kStep) - loss_at(-kStep)) / (2 * kStep), logits.grad()[row][column].item<double>(), 1e-8);
    }
  }
}

}  // namespace
}  // namespace archleak::defenses
