#include "nas/search_network.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "nas/supernet.h"

namespace archleak::nas {
namespace {

void expect(bool holds, const char* what, int64_t got) {
  if (!holds) throw ConfigError(fmt::format("search space: expected {}, got {}", what, got));
}

}  // namespace

torch::Tensor SearchNetwork::forward_with(const torch::Tensor&, const std::vector<torch::Tensor>&) {
  throw Error("search network: expected a space whose architecture parameters can be given by example, got another");
}

std::vector<torch::Tensor> SearchNetwork::probabilities() const {
  std::vector<torch::Tensor> result;
  for (const auto& alpha : alphas()) result.push_back(torch::softmax(alpha.detach(), -1));
  return result;
}

void SearchNetwork::restrict(const SubSpace& space) {
  if (space != SubSpace{}) throw Error("search network: expected a space that has parts, got another");
}

void describe(ConfigSection section, SpaceOptions& options) {
  section.read("channels", options.channels, {1, 1024}, "channels of a node in the first cells");
  section.read("layers", options.layers, {1, 100}, "number of cells");
  section.read("steps", options.steps, {1, 16}, "inner nodes of a cell");
  section.read("multiplier", options.multiplier, {1, 16}, "how many of the last nodes form a cell's output");
  section.read("stem_multiplier", options.stem_multiplier, {1, 16}, "channels of the stem in units of channels");
  section.read("execution", options.execution,
               {{"automatic", Execution::automatic}, {"plain", Execution::plain}, {"fused", Execution::fused}},
               "how the mixture is computed; plain is differentiable twice");
  if (options.multiplier > options.steps) {
    section.fail("multiplier", fmt::format("expected at most steps = {}, got {}", options.steps, options.multiplier));
  }
}

std::shared_ptr<SearchNetwork> make_search_network(const SpaceOptions& options, ExampleShape shape, int64_t classes,
                                                   const at::Generator& init) {
  expect(options.channels >= 1, "channels of at least 1", options.channels);
  expect(options.layers >= 1, "layers of at least 1", options.layers);
  expect(options.steps >= 1, "steps of at least 1", options.steps);
  expect(options.multiplier >= 1 && options.multiplier <= options.steps, "a multiplier from 1 to steps",
         options.multiplier);
  expect(options.stem_multiplier >= 1, "a stem_multiplier of at least 1", options.stem_multiplier);
  expect(classes >= 1, "at least 1 class", classes);
  expect(shape.channels >= 1, "images of at least 1 channel", shape.channels);
  expect(shape.height >= 4, "images at least 4 high", shape.height);
  expect(shape.width >= 4, "images at least 4 wide", shape.width);
  auto network = std::make_shared<Supernet>(options, shape, classes);
  network->draw(init);
  return network;
}

}  // namespace archleak::nas
