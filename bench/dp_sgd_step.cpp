// Seconds a step of DP-SGD against a plain step of SGD on the same batch: forward, backward, noise, optimizer. The two
// take turns, so that the load of the machine is the same for both; the ratio is the median over the turns.
//
//   archleak_bench_dp_sgd_step [batch threads turns]
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/timing.h"
#include "core/arena.h"
#include "core/optimizer.h"
#include "core/random.h"
#include "core/torch_random.h"
#include "defenses/clipped_gradient.h"
#include "defenses/update_transform.h"
#include "models/batch_norm.h"
#include "models/registry.h"
#include "nas/choice.h"
#include "nas/search_network.h"

namespace archleak {
namespace {

struct Images {
  torch::Tensor values, labels;
};

/// A network in training, with the two ways of taking a step.
class Model {
 public:
  explicit Model(std::shared_ptr<models::Network> network)
      : network_(std::move(network)),
        arena_(Arena::adopt(*network_)),
        optimizer_({.lr = 1e-3, .momentum = 0.9}, arena_.layout().weights) {
    network_->set_generator(make_torch_generator({.purpose = "network"}));
    network_->train();
  }

  void step(const Images& images) {
    torch::cross_entropy_loss(network_->forward(images.values), images.labels).backward();
    update();
  }

  void private_step(const Images& images) {
    defenses::add_clipped_gradients(
        [&] {
          return torch::cross_entropy_loss(network_->forward(images.values), images.labels, {}, at::Reduction::None);
        },
        network_->parameters(), 1);
    const torch::Tensor gradient = arena_.gradient(Segment::weights);
    defenses::add_gaussian_noise({gradient.data_ptr<float>(), static_cast<size_t>(gradient.numel())}, 1, noise_);
    gradient.div_(static_cast<double>(images.labels.size(0)));
    update();
  }

  int64_t weights() const { return arena_.layout().weights; }

 private:
  void update() {
    optimizer_.step(arena_.segment(Segment::weights), arena_.gradient(Segment::weights));
    arena_.gradients().zero_();
  }

  std::shared_ptr<models::Network> network_;
  Arena arena_;
  Optimizer optimizer_;
  RandomEngine noise_ = make_engine({.purpose = "noise"});
};

struct Timing {
  int64_t batch;
  int turns;
};

/// A network by plain steps, the same or its like by private ones.
void compare(const std::string& name, Model plain, Model clipped, ExampleShape shape, Timing timing) {
  const auto generator = make_torch_generator({.purpose = "images"});
  const Images images{
      torch::randn({timing.batch, shape.channels, shape.height, shape.width}, generator, torch::TensorOptions()),
      torch::arange(timing.batch) % 10};
  std::vector<double> plain_s, private_s, ratios;
  for (int turn = -1; turn < timing.turns; ++turn) {  // the first is a warm-up
    const double a = seconds([&] { plain.step(images); }), b = seconds([&] { clipped.private_step(images); });
    if (turn < 0) continue;
    plain_s.push_back(a);
    private_s.push_back(b);
    ratios.push_back(b / a);
  }
  std::printf("%-12s %8ld weights: SGD %6.1f ms, DP-SGD %6.1f ms, ratio %.2f\n", name.c_str(), plain.weights(),
              1e3 * median(plain_s), 1e3 * median(private_s), median(ratios));
}

void compare(const std::string& name, ExampleShape shape, Timing timing) {
  const auto model = [&] {
    return Model(models::make_network(name, shape, 10, make_torch_generator({.purpose = "weights"})));
  };
  compare(name, model(), model(), shape, timing);
}

/// SMASH on a random sub-network: filters that are generated once a batch, and once an example.
void compare_smash(int64_t channels, ExampleShape shape, Timing timing) {
  const auto model = [&](bool by_example) {
    nas::SpaceOptions space{.channels = channels, .layers = 4};
    space.hypernetwork = 16;
    space.generate_by_example = by_example;
    const auto network = nas::make_search_network(space, shape, 10, make_torch_generator({.purpose = "weights"}));
    models::use_group_norm(*network);
    RandomEngine engine = make_engine({.purpose = "sub-network"});
    network->select(nas::choice_of(nas::random_genotype(space.steps, engine), space.steps));
    return Model(network);
  };
  compare("smash", model(false), model(true), shape, timing);
}

}  // namespace
}  // namespace archleak

int main(int argc, char** argv) {
  const auto argument = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  torch::set_num_threads(static_cast<int>(argument(2, 1)));
  const archleak::Timing timing{.batch = argument(1, 64), .turns = static_cast<int>(argument(3, 21))};
  std::printf("batch %ld, %d threads, medians of %d turns\n", timing.batch, torch::get_num_threads(), timing.turns);
  archleak::compare("cnn", {1, 28, 28}, timing);
  archleak::compare("cnn", {3, 32, 32}, timing);
  archleak::compare("alexnet", {3, 32, 32}, timing);
  archleak::compare("column_fc", {1, 1, 600}, timing);
  archleak::compare_smash(/*channels=*/8, {1, 28, 28}, timing);
}
