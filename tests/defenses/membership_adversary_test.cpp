#include "defenses/membership_adversary.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::defenses {
namespace {

constexpr int64_t kClasses = 5;
constexpr int64_t kExamples = 32;

AdversarialOptions small() {
  return {.enabled = true, .lr = 1e-2, .prediction_layers = {16, 8}, .label_layers = {8}, .joint_layers = {8}};
}

at::Generator init(uint64_t seed = 1) {
  return make_torch_generator({.seed = seed, .purpose = "inference network"});
}

/// Answers that are right, with a confidence that grows with `sharpness`.
Answers answers(double sharpness, std::string_view purpose) {
  const auto generator = make_torch_generator({.seed = 2, .purpose = purpose});
  const auto labels = torch::randint(0, kClasses, {kExamples}, generator, torch::kInt64);
  const auto noise = torch::randn({kExamples, kClasses}, generator);
  return {torch::softmax(noise + sharpness * torch::one_hot(labels, kClasses), 1), labels};
}

TEST(MembershipAdversary, ItsGainRisesWhereMembersAreAnsweredDifferently) {
  torch::set_num_threads(1);
  MembershipAdversary adversary(kClasses, small());
  adversary.reset(init());
  const Answers members = answers(8, "members"), others = answers(1, "others");
  const double before = adversary.ascend(members, others);
  EXPECT_NEAR(before, -std::log(2), 0.1) << "it begins by guessing";
  for (int step = 0; step < 200; ++step) adversary.ascend(members, others);
  EXPECT_GT(adversary.ascend(members, others), -0.15);
}

TEST(MembershipAdversary, CannotTellApartWhatIsTheSame) {
  MembershipAdversary adversary(kClasses, small());
  adversary.reset(init());
  const Answers same = answers(2, "same");
  for (int step = 0; step < 200; ++step) adversary.ascend(same, same);
  EXPECT_NEAR(adversary.ascend(same, same), -std::log(2), 1e-3);
}

TEST(MembershipAdversary, TheClassifiersPenaltyHasTheGradientOfFiniteDifferences) {
  MembershipAdversary adversary(kClasses, small());
  adversary.reset(init());
  const Answers given = answers(2, "given");
  for (int step = 0; step < 20; ++step) adversary.ascend(given, answers(0, "others"));
  auto probabilities = given.probabilities.clone().requires_grad_();
  adversary.mean_log_membership({probabilities, given.labels}).backward();
  constexpr float kStep = 1e-2f;
  for (int64_t row = 0; row < 4; ++row) {
    const auto value_at = [&](float step) {
      auto moved = given.probabilities.clone();
      moved[row][2] += step;
      return adversary.mean_log_membership({moved, given.labels}).item<double>();
    };
    EXPECT_NEAR((value_at(kStep) - value_at(-kStep)) / (2 * kStep), probabilities.grad()[row][2].item<double>(), 5e-4);
  }
}

TEST(MembershipAdversary, GoesOnFromItsBytesAsIfNeverStopped) {
  const Answers members = answers(4, "members"), others = answers(1, "others");
  MembershipAdversary whole(kClasses, small()), parts(kClasses, small());
  whole.reset(init());
  for (int step = 0; step < 6; ++step) whole.ascend(members, others);
  parts.reset(init());
  for (int step = 0; step < 3; ++step) parts.ascend(members, others);
  const std::string kept = parts.save();
  parts.reset(init(9));
  parts.load(kept);
  for (int step = 0; step < 3; ++step) parts.ascend(members, others);
  EXPECT_EQ(parts.save(), whole.save());
  parts.reset(init());
  whole.reset(init());
  EXPECT_EQ(parts.save(), whole.save());
}

TEST(MembershipAdversary, RefusesBytesOfAnotherLengthAndStaysAsItWas) {
  MembershipAdversary adversary(kClasses, small());
  adversary.reset(init());
  const std::string kept = adversary.save();
  for (const auto& bytes : {std::string(), kept.substr(0, 100), kept.substr(0, kept.size() - 1), kept + "x"}) {
    EXPECT_THROW(adversary.load(bytes), Error);
    EXPECT_EQ(adversary.save(), kept);
  }
}

TEST(InferenceNetwork, HasThePapersShapeAndCountsItsParameters) {
  const AdversarialOptions paper;
  InferenceNetwork network(100, paper);
  int64_t parameters = 0;
  for (const auto& parameter : network.parameters()) parameters += parameter.numel();
  // 100-1024-512-64, 100-512-64, 128-256-64-1, with biases.
  EXPECT_EQ(parameters, 103424 + 524800 + 32832 + 51712 + 32832 + 33024 + 16448 + 65);
  EXPECT_EQ(inference_parameters(100, paper), parameters);
  const AdversarialOptions bare{.prediction_layers = {}, .label_layers = {}, .joint_layers = {}};
  EXPECT_EQ(inference_parameters(100, bare), 201);
  EXPECT_EQ(InferenceNetwork(100, bare).forward(torch::ones({3, 100}), torch::tensor({0, 1, 99})).sizes(),
            (std::vector<int64_t>{3}));
}

TEST(InferenceNetwork, IsNoLargerThanWhatAClientCanKeep) {
  EXPECT_NO_THROW(check_inference_network(100, {}));
  EXPECT_THROW(check_inference_network(100, {.prediction_layers = {4096, 4096}}), ConfigError);
  MembershipAdversary adversary(100, {});
  EXPECT_LE(adversary.save().size(), 12 * inference_parameters(100, {}) + 100);
}

}  // namespace
}  // namespace archleak::defenses
