#include "nas/architect.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/torch_random.h"
#include "nas/dag_network.h"

namespace archleak::nas {
namespace {

constexpr ExampleShape kShape{1, 12, 12};

class Architect : public testing::TestWithParam<ArchitectureOrder> {
 protected:
  Architect() {
    torch::set_num_threads(1);
    network_ = make_search_network({.channels = 4, .layers = 2, .steps = 2, .multiplier = 2}, kShape, 10,
                                   make_torch_generator({.seed = 1, .purpose = "weights"}));
    network_->to(torch::kFloat64);
    arena_ =
        std::make_unique<Arena>(Arena::adopt(*network_, [&](const auto& name) { return network_->is_alpha(name); }));
  }
  static Batch batch(int64_t index) {
    return {torch::randn({6, 1, 12, 12}, make_torch_generator({.seed = 3, .purpose = "images", .index = index}),
                         torch::kFloat64),
            torch::arange(6)};
  }
  torch::Tensor gradient(const ArchitectOptions& options, const UnrolledStep& step = {}) {
    architecture_gradient(*network_, *arena_, batch(0), batch(1), options, step);
    return arena_->gradient(Segment::alpha).clone();
  }
  std::shared_ptr<SearchNetwork> network_;
  std::unique_ptr<Arena> arena_;
};

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

TEST_P(Architect, AnArchitectureStepLeavesEveryValueBitwiseUnchanged) {
  const std::string before = arena_->hash();
  EXPECT_GT(gradient({.order = GetParam()}).norm().item<double>(), 0);
  EXPECT_EQ(arena_->hash(), before);
}

TEST_P(Architect, TheGradientDependsOnNothingThatWasThereBefore) {
  const torch::Tensor first = gradient({.order = GetParam()});
  arena_->gradients().fill_(7);
  EXPECT_TRUE(gradient({.order = GetParam()}).equal(first));
}

std::string order_name(const testing::TestParamInfo<ArchitectureOrder>& info) {
  return std::array{"first", "second", "mixed"}[static_cast<size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Every, Architect,
                         testing::Values(ArchitectureOrder::first, ArchitectureOrder::second, ArchitectureOrder::mixed),
                         order_name);

using ArchitectOrders = Architect;

TEST_F(ArchitectOrders, MixedIsTheTrainingGradientPlusLambdaTimesTheValidationGradient) {
  const torch::Tensor valid = gradient({});
  architecture_gradient(*network_, *arena_, {}, batch(0), {});
  const torch::Tensor train = arena_->gradient(Segment::alpha).clone();
  const torch::Tensor mixed = gradient({.order = ArchitectureOrder::mixed, .mixed_weight = 0.5});
  EXPECT_LT(distance(mixed, train + 0.5 * valid), 1e-12);
}

TEST_F(ArchitectOrders, SecondOrderWithoutAStepIsFirstOrder) {
  UnrolledStep step;
  step.lr = 0;
  EXPECT_LT(distance(gradient({.order = ArchitectureOrder::second}, step), gradient({})), 1e-12);
}

TEST_F(ArchitectOrders, SecondOrderReportsTheLossAfterTheOptimizersOwnStep) {
  const torch::Tensor weights = arena_->segment(Segment::weights);
  UnrolledStep step;
  step.lr = 0.1;
  step.momentum_buffer =
      torch::randn(weights.sizes(), make_torch_generator({.seed = 9, .purpose = "momentum"}), weights.options());
  const double reported =
      architecture_gradient(*network_, *arena_, batch(0), batch(1), {.order = ArchitectureOrder::second}, step);
  weight_gradient(*network_, *arena_, batch(0));
  weights.sub_(step.lr * (step.momentum * step.momentum_buffer + arena_->gradient(Segment::weights) +
                          step.weight_decay * weights));
  EXPECT_NEAR(weight_gradient(*network_, *arena_, batch(1)), reported, 1e-9);
}

TEST_F(ArchitectOrders, AWeightGradientLeavesAlphasGradientAloneUnlessAskedForIt) {
  arena_->gradients().fill_(7);
  const double loss = weight_gradient(*network_, *arena_, batch(0));
  EXPECT_TRUE(arena_->gradient(Segment::alpha).eq(7).all().item<bool>());
  const torch::Tensor weights = arena_->gradient(Segment::weights).clone();
  EXPECT_NEAR(weight_gradient(*network_, *arena_, batch(0), /*with_alpha=*/true), loss, 1e-12);
  EXPECT_LT(distance(arena_->gradient(Segment::weights), weights), 1e-12);
  architecture_gradient(*network_, *arena_, {}, batch(1), {});
  architecture_gradient(*network_, *arena_, {}, batch(0), {});
  const torch::Tensor alpha = arena_->gradient(Segment::alpha).clone();
  weight_gradient(*network_, *arena_, batch(0), /*with_alpha=*/true);
  EXPECT_LT(distance(arena_->gradient(Segment::alpha), alpha), 1e-12);
}

// A search network without kinks, so that difference quotients are exact: logits = W (mixture of tanh(k V x)).
class SmoothNetwork : public SearchNetwork {
 public:
  SmoothNetwork() {
    const auto generator = make_torch_generator({.purpose = "smooth"});
    const auto draw = [&](at::IntArrayRef shape) { return torch::randn(shape, generator, torch::kFloat64); };
    inner_ = register_parameter("inner", 0.1 * draw({5, 144}));
    outer_ = register_parameter("outer", draw({10, 5}));
    alpha_ = register_parameter("alpha", draw({1, 3}));
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    const torch::Tensor hidden = torch::mm(images.flatten(1), inner_.t());
    const torch::Tensor weights = alpha_.softmax(-1)[0];
    torch::Tensor mixture = torch::zeros_like(hidden);
    for (int64_t k = 0; k < 3; ++k) mixture = mixture + weights[k] * torch::tanh((k + 0.5) * hidden);
    return torch::mm(mixture, outer_.t());
  }
  bool is_alpha(const std::string& name) const override { return name == "alpha"; }
  std::vector<torch::Tensor> alphas() const override { return {alpha_}; }
  std::optional<Place> place(const std::string&) const override { return std::nullopt; }
  void select(const std::vector<int64_t>&) override {}
  bool has(const std::string&) const override { return true; }
  void draw(const at::Generator&) override {}

 private:
  torch::Tensor inner_, outer_, alpha_;
};

TEST(ArchitectSecondOrder, IsTheSlopeOfTheValidationLossAfterTheVirtualStep) {
  SmoothNetwork network;
  Arena arena = Arena::adopt(network, [&](const auto& name) { return network.is_alpha(name); });
  const auto images = [](const char* purpose) {
    return Batch{torch::randn({6, 1, 12, 12}, make_torch_generator({.purpose = purpose}), torch::kFloat64),
                 torch::arange(6)};
  };
  const Batch train = images("train"), valid = images("valid");
  const torch::Tensor alpha = arena.segment(Segment::alpha), weights = arena.segment(Segment::weights);
  const UnrolledStep step{
      .lr = 0.3,
      .momentum = 0.9,
      .weight_decay = 3e-4,
      .momentum_buffer = 0.1 * torch::randn(weights.sizes(), make_torch_generator({.purpose = "m"}), torch::kFloat64)};
  architecture_gradient(network, arena, {}, valid, {});
  const torch::Tensor first = arena.gradient(Segment::alpha).clone();
  architecture_gradient(network, arena, train, valid, {.order = ArchitectureOrder::second}, step);
  const torch::Tensor second = arena.gradient(Segment::alpha).clone();
  const torch::Tensor alpha_start = alpha.clone(), weights_start = weights.clone();
  torch::Tensor slope = torch::zeros_like(second);
  for (int64_t i = 0; i < alpha.size(0); ++i) {
    const auto loss_at = [&](double distance) {
      alpha.copy_(alpha_start);
      alpha[i] += distance;
      weights.copy_(weights_start);
      weight_gradient(network, arena, train);
      weights.sub_(step.lr * (arena.gradient(Segment::weights) + step.momentum * step.momentum_buffer +
                              step.weight_decay * weights));
      return weight_gradient(network, arena, valid);
    };
    slope[i] = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
  }
  EXPECT_LT(distance(second, slope), 1e-3);
  EXPECT_GT(distance(first, slope), 0.05) << "the virtual step must matter for this to test anything";
}

TEST(ArchitectOptions, AreReadFromTheConfiguration) {
  ArchitectOptions options;
  Config config = Config::parse("[architect]\norder = \"mixed\"\nmixed_weight = 0.25\n", "test");
  describe(config.section("architect"), options);
  EXPECT_EQ(options.order, ArchitectureOrder::mixed);
  EXPECT_EQ(options.mixed_weight, 0.25);
  Config bad = Config::parse("[architect]\norder = \"third\"\n", "test");
  EXPECT_THROW(describe(bad.section("architect"), options), ConfigError);
}

/// The gradient of alpha for each example by itself, in batches of one.
torch::Tensor alpha_gradients_by_loop(SearchNetwork& network, Arena& arena, const Batch& batch) {
  std::vector<torch::Tensor> rows;
  for (int64_t i = 0; i < batch.labels.size(0); ++i) {
    const Batch one{batch.images.narrow(0, i, 1), batch.labels.narrow(0, i, 1)};
    architecture_gradient(network, arena, {}, one, {});
    rows.push_back(arena.gradient(Segment::alpha).clone());
  }
  return torch::stack(rows);
}

void expect_gradients_by_example(SearchNetwork& network, const Batch& batch) {
  network.to(torch::kFloat64);
  Arena arena = Arena::adopt(network, [&](const auto& name) { return network.is_alpha(name); });
  const auto by_example = alpha_gradients_by_example(network, batch);
  EXPECT_LT(distance(by_example.gradients, alpha_gradients_by_loop(network, arena, batch)), 1e-12);
  EXPECT_TRUE(by_example.losses.allclose(
      torch::cross_entropy_loss(network.forward(batch.images), batch.labels, {}, at::Reduction::None)));
}

TEST(AlphaByExample, GraphsOfCellsGiveTheGradientsOfALoopOverTheExamples) {
  RandomEngine engine = make_engine({.purpose = "shapes"});
  for (uint64_t trial = 0; trial < 20; ++trial) {
    const DagOptions options{.cells = 2 + uniform_index(6, engine),
                             .channels = 1 + uniform_index(3, engine),
                             .alpha = static_cast<AlphaMapping>(uniform_index(3, engine)),
                             .activation = static_cast<Activation>(uniform_index(4, engine)),
                             .head = static_cast<DagHead>(uniform_index(2, engine)),
                             .max_pool = uniform_index(2, engine) == 0};
    const ExampleShape shape{1 + uniform_index(3, engine), 4 + uniform_index(6, engine), 4 + uniform_index(6, engine)};
    const int64_t examples = 1 + uniform_index(5, engine);
    const auto network = make_dag_network(options, shape, 5, make_torch_generator({.seed = trial}));
    SCOPED_TRACE(trial);
    expect_gradients_by_example(
        *network, {torch::randn({examples, shape.channels, shape.height, shape.width},
                                make_torch_generator({.seed = trial, .purpose = "images"}), torch::kFloat64),
                   torch::arange(examples)});
  }
}

TEST(AlphaByExample, TheSupernetWithGroupNormGivesTheGradientsOfALoopOverTheExamples) {
  for (const int64_t layers : {1, 3}) {  // a single cell is a reduction: alpha of normal cells has no gradient
    const auto network = make_search_network({.channels = 4, .layers = layers, .steps = 2, .multiplier = 2}, kShape, 10,
                                             make_torch_generator({.seed = 1}));
    models::use_group_norm(*network);
    expect_gradients_by_example(
        *network, {torch::randn({4, 1, 12, 12}, make_torch_generator({}), torch::kFloat64), torch::arange(4)});
  }
}

TEST(AlphaByExample, TheFusedSupernetRefusesGroupNorm) {
  const auto network =
      make_search_network({.channels = 4, .layers = 3, .steps = 2, .multiplier = 2, .execution = Execution::fused},
                          kShape, 10, make_torch_generator({}));
  models::use_group_norm(*network);
  EXPECT_THROW(network->forward(torch::zeros({1, 1, 12, 12})), ConfigError);
}

}  // namespace
}  // namespace archleak::nas
