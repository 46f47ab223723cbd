#include <gtest/gtest.h>

#include <algorithm>

#include "core/instruction_set.h"
#include "tests/nas/golden_supernet.h"
#include "tests/support/paths.h"

namespace archleak::nas {
namespace {

using test::GoldenSupernet;
using test::relative_error;

struct Case {
  const char* name;
  torch::ScalarType type;
  Execution execution;
  double weight_tolerance;  // a ReLU or a maximum may fall the other way in float32
  InstructionSet set = available_instruction_sets().back();
};

void PrintTo(const Case& value, std::ostream* out) {
  *out << value.name;
}

class SupernetGolden : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    torch::set_num_threads(1);
    const auto sets = available_instruction_sets();
    if (std::ranges::find(sets, GetParam().set) == sets.end()) GTEST_SKIP() << "not on this processor";
    use_instruction_set(GetParam().set);
    const auto folder = test::golden("darts_supernet_c4_l4");
    if (!folder) GTEST_SKIP() << "golden values are not here";
    golden_ = std::make_unique<GoldenSupernet>(*folder, GetParam().type, GetParam().execution);
  }
  void TearDown() override { use_instruction_set(available_instruction_sets().back()); }
  torch::Tensor alpha_gradient(const char* order) const {
    return torch::cat({golden_->expected(std::string(order) + "/grad_alpha_normal").flatten(),
                       golden_->expected(std::string(order) + "/grad_alpha_reduce").flatten()});
  }
  static constexpr double kTolerance = 1e-4;
  std::unique_ptr<GoldenSupernet> golden_;
};

TEST_P(SupernetGolden, LogitsAreTheReferences) {
  const torch::NoGradGuard no_grad;
  EXPECT_LT(relative_error(golden_->network->forward(golden_->valid.images), golden_->expected("valid/logits")),
            kTolerance);
}

TEST_P(SupernetGolden, LossAndAlphaGradientAreTheReferences) {
  const double loss = architecture_gradient(*golden_->network, *golden_->arena, {}, golden_->valid, {});
  EXPECT_NEAR(loss, golden_->expected_number("valid_loss"), kTolerance);
  EXPECT_LT(relative_error(golden_->arena->gradient(Segment::alpha), alpha_gradient("first_order")), kTolerance);
}

TEST_P(SupernetGolden, EveryWeightGradientIsTheReferences) {
  const double loss = weight_gradient(*golden_->network, *golden_->arena, golden_->train);
  EXPECT_NEAR(loss, golden_->expected_number("train_loss"), kTolerance);
  const torch::Tensor gradients = golden_->arena->gradients();
  for (const auto& entry : golden_->arena->layout().entries) {
    if (entry.segment != Segment::weights) continue;
    EXPECT_LT(relative_error(gradients.slice(0, entry.offset, entry.offset + entry.size),
                             golden_->expected("train/grad_weight/" + entry.name)),
              GetParam().weight_tolerance)
        << entry.name;
  }
}

TEST_P(SupernetGolden, TheSecondOrderGradientPointsWhereTheReferencesDoes) {
  architecture_gradient(*golden_->network, *golden_->arena, golden_->train, golden_->valid,
                        {.order = ArchitectureOrder::second}, golden_->unrolled_step());
  const torch::Tensor actual = golden_->arena->gradient(Segment::alpha).to(torch::kFloat64);
  const torch::Tensor expected = alpha_gradient("second_order");
  EXPECT_GE((actual.dot(expected) / actual.norm() / expected.norm()).item<double>(), 0.999);
}

INSTANTIATE_TEST_SUITE_P(
    Every, SupernetGolden,
    testing::Values(Case{"plain_float64", torch::kFloat64, Execution::plain, 1e-4},
                    Case{"plain_float32", torch::kFloat32, Execution::plain, 1e-2},
                    Case{"fused_float64", torch::kFloat64, Execution::fused, 1e-4},
                    Case{"fused_float32", torch::kFloat32, Execution::fused, 1e-2},
                    Case{"fused_float64_avx2", torch::kFloat64, Execution::fused, 1e-4, InstructionSet::avx2},
                    Case{"fused_float32_avx2", torch::kFloat32, Execution::fused, 1e-2, InstructionSet::avx2},
                    Case{"fused_float64_baseline", torch::kFloat64, Execution::fused, 1e-4, InstructionSet::baseline},
                    Case{"fused_float32_baseline", torch::kFloat32, Execution::fused, 1e-2, InstructionSet::baseline},
                    Case{"reference_float32", torch::kFloat32, Execution::reference, 1e-2}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace archleak::nas
