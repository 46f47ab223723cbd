#include "core/arena.h"

#include <gtest/gtest.h>

#include "core/torch_random.h"

namespace archleak {
namespace {

struct Toy : torch::nn::Module {
  Toy() {
    alpha = register_parameter("alpha", torch::ones({2, 3}));
    linear = register_module("linear", torch::nn::Linear(4, 2));
    mean = register_buffer("mean", torch::full({5}, 7.0f));
  }
  torch::Tensor alpha, mean;
  torch::nn::Linear linear{nullptr};
};

bool is_alpha(const std::string& name) {
  return name == "alpha";
}

TEST(Arena, LaysOutWeightsThenAlphaThenBuffers) {
  Toy toy;
  const Arena arena = Arena::adopt(toy, is_alpha);
  EXPECT_EQ(arena.layout().weights, 10);
  EXPECT_EQ(arena.layout().alpha, 6);
  EXPECT_EQ(arena.layout().buffers, 5);
  EXPECT_TRUE(arena.segment(Segment::alpha).equal(torch::ones({6})));
  EXPECT_TRUE(arena.segment(Segment::buffers).equal(torch::full({5}, 7.0f)));
}

TEST(Arena, TheModuleAndTheArenaShareTheirMemory) {
  Toy toy;
  Arena arena = Arena::adopt(toy, is_alpha);
  arena.values().fill_(3);
  EXPECT_TRUE(toy.linear->weight.equal(torch::full({2, 4}, 3.0f)));
  EXPECT_TRUE(toy.mean.equal(torch::full({5}, 3.0f)));
  const torch::NoGradGuard no_grad;
  toy.alpha.fill_(4);
  EXPECT_EQ(arena.floats()[10], 4.0f);
}

TEST(Arena, GradientsAccumulateInThePlaceOfTheGradientBuffer) {
  Toy toy;
  const Arena arena = Arena::adopt(toy, is_alpha);
  for (int i = 0; i < 2; ++i) (toy.linear->forward(torch::ones({1, 4})).sum() * toy.alpha.sum()).backward();
  EXPECT_TRUE(arena.gradient(Segment::weights).slice(0, 0, 8).equal(torch::full({8}, 12.0f)));
  EXPECT_TRUE(toy.alpha.grad().is_alias_of(arena.gradients()));
}

TEST(Arena, TheHashFollowsEveryValue) {
  Toy toy;
  const Arena arena = Arena::adopt(toy, is_alpha);
  const std::string before = arena.hash();
  arena.values()[20] += 1;
  EXPECT_NE(arena.hash(), before);
}

TEST(TorchRandom, TheSameKeyGivesTheSameTensor) {
  const StreamKey key{.seed = 1, .round = 2, .client = 3, .purpose = "test"};
  const auto draw = [](StreamKey k) { return torch::randn({8}, make_torch_generator(k), torch::TensorOptions()); };
  EXPECT_TRUE(draw(key).equal(draw(key)));
  StreamKey other = key;
  other.client = 4;
  EXPECT_FALSE(draw(key).equal(draw(other)));
}

}  // namespace
}  // namespace archleak
