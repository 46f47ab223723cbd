#include "models/count.h"

#include <gtest/gtest.h>

#include "core/torch_random.h"
#include "models/layers.h"
#include "models/registry.h"

namespace archleak::models {
namespace {

/// A chain of layers as a network, so that each can be counted by hand.
class Toy : public Network {
 public:
  explicit Toy(std::shared_ptr<Chain> layers) : layers_(register_module("layers", std::move(layers))) {}
  torch::Tensor forward(const torch::Tensor& images) override { return layers_->forward(images); }

 private:
  std::shared_ptr<Chain> layers_;
};

int64_t multiply_adds(std::shared_ptr<Chain> layers, ExampleShape shape) {
  Toy network(std::move(layers));
  return count_cost(network, shape).multiply_adds;
}

at::Generator generator() {
  return make_torch_generator({.seed = 1, .purpose = "test"});
}

TEST(Count, CountsConvolutionsByTheirOutput) {
  const ExampleShape shape{8, 10, 12};
  EXPECT_EQ(multiply_adds(chain(convolution(8, 6)), shape), 6 * 10 * 12 * 8 * 9);
  EXPECT_EQ(multiply_adds(chain(convolution(8, 6, {.bias = true})), shape), 6 * 10 * 12 * 8 * 9);
  EXPECT_EQ(multiply_adds(chain(convolution(8, 6, {.stride = 2})), shape), 6 * 5 * 6 * 8 * 9);
  EXPECT_EQ(multiply_adds(chain(convolution(8, 8, {.kernel = 5, .groups = 8})), shape), 8 * 10 * 12 * 25);
  EXPECT_EQ(multiply_adds(chain(convolution(8, 4, {.groups = 2})), shape), 4 * 10 * 12 * 4 * 9);
  EXPECT_EQ(multiply_adds(chain(convolution(8, 8, {.kernel = 5, .dilation = 2, .groups = 8})), shape),
            8 * 10 * 12 * 25);
  EXPECT_EQ(multiply_adds(chain(convolution(8, 6, {.kernel = 3, .padding = 0})), shape), 6 * 8 * 10 * 8 * 9);
}

TEST(Count, CountsTransposedConvolutionsByTheirInput) {
  const auto layer = torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(8, 6, 3).stride(2));
  EXPECT_EQ(multiply_adds(chain(layer), {8, 5, 5}), 8 * 5 * 5 * 6 * 9);
}

TEST(Count, CountsLinearLayersWithAndWithoutBias) {
  EXPECT_EQ(multiply_adds(chain(torch::nn::Flatten(), torch::nn::Linear(24, 5)), {24, 1, 1}), 24 * 5);
  const auto without = torch::nn::Linear(torch::nn::LinearOptions(24, 5).bias(false));
  EXPECT_EQ(multiply_adds(chain(torch::nn::Flatten(), without), {2, 3, 4}), 24 * 5);
}

TEST(Count, CountsNothingForNormsActivationsAndPooling) {
  const auto layers = chain(std::make_shared<BatchNorm>(8, true), torch::nn::ReLU(), torch::nn::MaxPool2d(2));
  EXPECT_EQ(multiply_adds(layers, {8, 10, 12}), 0);
}

TEST(Count, GivesThePublishedCostOfVgg16) {
  const auto network = make_network("vgg16", {3, 32, 32}, 10, generator());
  const NetworkCost cost = count_cost(*network, {3, 32, 32});
  EXPECT_EQ(cost.multiply_adds, 313196544 + 2 * 512 * 512 + 512 * 10);
  EXPECT_NEAR(2e-9 * static_cast<double>(cost.multiply_adds), 0.6283, 0.002);
}

TEST(Count, LeavesTheNetworkAsItWas) {
  const auto network = make_network("resnet20", {3, 32, 32}, 10, generator());
  for (const bool training : {true, false}) {
    network->train(training);
    const NetworkCost cost = count_cost(*network, {3, 32, 32});
    EXPECT_EQ(cost.weights, 272474);
    EXPECT_EQ(network->is_training(), training);
  }
  for (const auto& buffer : network->named_buffers()) {
    if (buffer.key().ends_with("running_mean")) {
      EXPECT_EQ(buffer.value().abs().sum().item<double>(), 0);
    }
  }
}

}  // namespace
}  // namespace archleak::models
