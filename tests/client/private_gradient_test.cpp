#include "client/private_gradient.h"

#include <gtest/gtest.h>

#include "core/torch_random.h"
#include "models/batch_norm.h"
#include "nas/dag_network.h"

namespace archleak::client {
namespace {

/// A linear layer over eight examples.
struct Layer {
  torch::nn::Linear layer{torch::nn::LinearOptions(200, 300)};
  Arena arena = Arena::adopt(*layer);
  torch::Tensor inputs = torch::randn({8, 200}, make_torch_generator({.purpose = "inputs"}), torch::TensorOptions());
  torch::Tensor labels = torch::arange(8);

  torch::Tensor losses() { return torch::cross_entropy_loss(layer->forward(inputs), labels, {}, at::Reduction::None); }

  torch::Tensor private_mean(PrivateMean mean, int64_t examples = 8) {
    private_weight_gradient([this] { return losses(); }, examples, layer->parameters(),
                            arena.gradient(Segment::weights), mean);
    return arena.gradient(Segment::weights).clone();
  }
};

TEST(PrivateGradient, WithoutNoiseAndClippingIsTheSumOverTheExpectedBatch) {
  Layer layer;
  const torch::Tensor got = layer.private_mean({{.clip = 1e6, .noise_multiplier = 0}, 5, make_engine({})});
  layer.arena.gradients().zero_();
  layer.losses().sum().backward();
  const torch::Tensor expected = layer.arena.gradients() / 5;
  EXPECT_LT((got - expected).norm().item<double>(), 1e-5 * expected.norm().item<double>());
}

TEST(PrivateGradient, OfAnEmptyBatchIsNoiseOfTheStatedSize) {
  Layer layer;
  layer.arena.gradients().fill_(3);
  const PrivateMean mean{{.clip = 0.5, .noise_multiplier = 1.4}, 20, make_engine({.seed = 2})};
  const torch::Tensor noise = layer.private_mean(mean, 0).to(torch::kFloat64);
  const double deviation = 1.4 * 0.5 / 20;
  const auto count = static_cast<double>(noise.numel());
  EXPECT_NEAR(noise.mean().item<double>(), 0, 4 * deviation / std::sqrt(count));
  EXPECT_NEAR(noise.square().mean().sqrt().item<double>() / deviation, 1, 4 / std::sqrt(2 * count));
  EXPECT_NEAR((noise.abs() > 2 * deviation).to(torch::kFloat64).mean().item<double>(), 0.0455, 0.005);
}

TEST(PrivateGradient, NoiseComesFromItsKeyAndIsNewAtEveryStep) {
  Layer layer;
  const auto mean = [](uint64_t seed) {
    return PrivateMean{{.clip = 1, .noise_multiplier = 1}, 8, make_engine({.seed = seed})};
  };
  EXPECT_TRUE(layer.private_mean(mean(1)).equal(layer.private_mean(mean(1))));
  EXPECT_FALSE(layer.private_mean(mean(1)).equal(layer.private_mean(mean(2))));
  PrivateMean continued = mean(1);
  const auto step = [&] {
    private_weight_gradient([&] { return layer.losses(); }, 8, layer.layer->parameters(),
                            layer.arena.gradient(Segment::weights), continued);
    return layer.arena.gradient(Segment::weights).clone();
  };
  const torch::Tensor first = step();
  EXPECT_FALSE(first.equal(step()));
}

TEST(PrivateGradient, OfAlphaClipsEachExampleByItself) {
  const auto network =
      nas::make_dag_network({.cells = 5, .channels = 2}, {1, 8, 8}, 4, make_torch_generator({.seed = 1}));
  Arena arena = Arena::adopt(*network, [&](const std::string& name) { return network->is_alpha(name); });
  const nas::Batch batch{
      torch::randn({6, 1, 8, 8}, make_torch_generator({.purpose = "images"}), torch::TensorOptions()),
      torch::arange(6) % 4};
  const auto rows = nas::alpha_gradients_by_example(*network, batch).gradients.to(torch::kFloat64);
  const double clip = rows.norm(2, 1).median().item<double>();
  const torch::Tensor expected = (clip / rows.norm(2, 1)).clamp_max(1).matmul(rows) / 4;
  PrivateMean mean{{.clip = clip, .noise_multiplier = 0}, 4, make_engine({})};
  const torch::Tensor losses = private_alpha_gradient(*network, batch, arena.gradient(Segment::alpha), mean);
  EXPECT_EQ(losses.numel(), 6);
  EXPECT_LT((arena.gradient(Segment::alpha) - expected).norm().item<double>(), 1e-5 * expected.norm().item<double>());
  EXPECT_TRUE(arena.gradient(Segment::weights).eq(0).all().item<bool>());
}

constexpr int64_t kExamples = 6;

/// A network of four cells, in training, with what DP-SGD makes of its gradients.
struct PrivateNetwork {
  std::shared_ptr<nas::SearchNetwork> network;
  Arena arena;
  std::vector<torch::Tensor> weights;
  nas::Batch batch{
      torch::randn({kExamples, 1, 8, 8}, make_torch_generator({.purpose = "images"}), torch::TensorOptions()),
      torch::arange(kExamples) % 4};

  explicit PrivateNetwork(int64_t hypernetwork) {
    torch::set_num_threads(1);
    nas::SpaceOptions space{.channels = 4, .layers = 4, .steps = 2, .multiplier = 2, .stem_multiplier = 2};
    space.hypernetwork = hypernetwork;
    space.generate_by_example = true;
    network = nas::make_search_network(space, {1, 8, 8}, 4, make_torch_generator({.seed = 1}));
    models::use_group_norm(*network);
    arena = Arena::adopt(*network, [&](const std::string& name) { return network->is_alpha(name); });
    for (const auto& parameter : network->named_parameters()) {
      if (!network->is_alpha(parameter.key())) weights.push_back(parameter.value());
    }
    network->train();
  }

  /// From the same draws of the network every time.
  torch::Tensor losses(const nas::Batch& of) {
    network->set_generator(make_torch_generator({.purpose = "network"}));
    return torch::cross_entropy_loss(network->forward(of.images), of.labels, {}, at::Reduction::None);
  }

  /// The gradient of the sum of `losses(of)`.
  torch::Tensor plain(Segment segment, const nas::Batch& of) {
    arena.gradients().zero_();
    losses(of).sum().backward();
    return arena.gradient(segment).clone();
  }

  torch::Tensor private_mean(Segment segment, double clip) {
    arena.gradients().zero_();
    PrivateMean mean{{.clip = clip, .noise_multiplier = 0}, 1, make_engine({})};
    if (segment == Segment::weights) {
      private_weight_gradient([this] { return losses(batch); }, kExamples, weights, arena.gradient(segment), mean);
    } else {
      network->set_generator(make_torch_generator({.purpose = "network"}));
      private_alpha_gradient(*network, batch, arena.gradient(segment), mean);
    }
    return arena.gradient(segment).clone();
  }
};

/// Without clipping it is that of the network, with zeros where there is nothing.
void expect_is_plain(PrivateNetwork& network, Segment segment) {
  const torch::Tensor expected = network.plain(segment, network.batch);
  const torch::Tensor got = network.private_mean(segment, 1e6);
  EXPECT_LT((got - expected).norm().item<double>(), 1e-5 * expected.norm().item<double>());
  EXPECT_TRUE(got.eq(0).equal(expected.eq(0)));
  EXPECT_TRUE(got.eq(0).any().item<bool>());
}

/// It is the sum of what passes over single examples give, each clipped.
void expect_clips_each_example(PrivateNetwork& network, Segment segment) {
  std::vector<torch::Tensor> examples;
  for (int64_t i = 0; i < kExamples; ++i) {
    examples.push_back(
        network.plain(segment, {network.batch.images.slice(0, i, i + 1), network.batch.labels[i].view(1)}));
  }
  const torch::Tensor rows = torch::stack(examples).to(torch::kFloat64);
  const double clip = rows.norm(2, 1).median().item<double>();
  const torch::Tensor expected = (clip / rows.norm(2, 1)).clamp_max(1).matmul(rows);
  const torch::Tensor got = network.private_mean(segment, clip);
  EXPECT_LT((got - expected).norm().item<double>(), 1e-5 * expected.norm().item<double>());
}

/// A stage of P-DARTS: three cells, three operations an edge.
PrivateNetwork stage(double skip_dropout) {
  PrivateNetwork stage(/*hypernetwork=*/0);
  stage.network->restrict(
      {.layers = 3, .kept = std::vector<nas::OperationSet>(10, 0b00011010), .skip_dropout = skip_dropout});
  return stage;
}

TEST(PrivateGradient, OfAStageOfPDartsIsThatOfItsNetworkWithDropout) {
  PrivateNetwork network = stage(/*skip_dropout=*/0.5);
  for (const Segment segment : {Segment::weights, Segment::alpha}) expect_is_plain(network, segment);
}

TEST(PrivateGradient, OfAStageOfPDartsClipsEachExampleByItself) {
  PrivateNetwork network = stage(/*skip_dropout=*/0);
  for (const Segment segment : {Segment::weights, Segment::alpha}) expect_clips_each_example(network, segment);
}

/// A sub-network of SMASH that has every kind of convolution.
PrivateNetwork generated() {
  PrivateNetwork generated(/*hypernetwork=*/5);
  generated.network->select({nas::kSeparable3, nas::kDilated5, nas::kSkip, nas::kSeparable5, nas::kMaxPool,
                             nas::kDilated3, nas::kSkip, nas::kSeparable3, nas::kAveragePool, nas::kDilated5});
  return generated;
}

TEST(PrivateGradient, OfAHypernetworkIsThatOfTheNetworkItGenerates) {
  PrivateNetwork network = generated();
  expect_is_plain(network, Segment::weights);
}

TEST(PrivateGradient, OfAHypernetworkClipsEachExampleByItself) {
  PrivateNetwork network = generated();
  expect_clips_each_example(network, Segment::weights);
}

}  // namespace
}  // namespace archleak::client
