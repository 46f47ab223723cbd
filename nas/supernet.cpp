#include "nas/supernet.h"

#include <cstdio>

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "models/initialise.h"

namespace archleak::nas {

Supernet::Supernet(const SpaceOptions& options, ExampleShape shape, int64_t classes)
    : options_(options), shape_(shape) {
  const int64_t stem_channels = options.stem_multiplier * options.channels;
  const auto stem = register_module("stem", std::make_shared<torch::nn::Module>());
  stem_filter_ = stem->register_module("0", std::make_shared<Filter>(shape.channels, stem_channels, 3));
  stem_norm_ = stem->register_module("1", std::make_shared<models::BatchNorm>(stem_channels, true));

  const auto list = register_module("cells", std::make_shared<torch::nn::ModuleListImpl>());
  CellShape cell{.before_previous = stem_channels,
                 .previous = stem_channels,
                 .channels = options.channels,
                 .steps = options.steps,
                 .multiplier = options.multiplier,
                 .reduction = false,
                 .previous_reduction = false};
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    cell.reduction = layer == options.layers / 3 || layer == 2 * options.layers / 3;
    if (cell.reduction) cell.channels *= 2;
    cells_.push_back(std::make_shared<Cell>(cell));
    list->push_back(cells_.back());
    cell.previous_reduction = cell.reduction;
    cell.before_previous = std::exchange(cell.previous, cell.multiplier * cell.channels);
  }
  classifier_ = register_module("classifier", torch::nn::Linear(cell.previous, classes));
  alphas_normal_ = register_parameter("alphas_normal", torch::zeros({edge_count(options.steps), kOperations}));
  alphas_reduce_ = register_parameter("alphas_reduce", torch::zeros({edge_count(options.steps), kOperations}));
}

void Supernet::draw(const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  models::initialise(*this, generator);
  for (torch::Tensor alpha : alphas()) alpha.normal_(0, 1e-3, generator);
}

bool Supernet::is_alpha(const std::string& parameter_name) const {
  return parameter_name == "alphas_normal" || parameter_name == "alphas_reduce";
}

std::optional<SearchNetwork::Place> Supernet::place(const std::string& parameter_name) const {
  int layer = 0;
  int edge = 0;
  int operation = 0;
  if (std::sscanf(parameter_name.c_str(), "cells.%d._ops.%d._ops.%d.", &layer, &edge, &operation) != 3) {
    return std::nullopt;
  }
  const int64_t first = cells_.at(layer)->shape.reduction ? edge_count(options_.steps) : 0;
  return Place{.row = first + edge, .operation = operation};
}

void Supernet::select(const std::vector<int64_t>& choice) {
  const size_t edges = 2 * edge_count(options_.steps);
  if (!choice.empty() && choice.size() != edges) {
    throw Error(fmt::format("select: expected {} operations (or none), got {}", edges, choice.size()));
  }
  for (const int64_t operation : choice) {
    if (operation < 0 || operation >= kOperations) {
      throw Error(fmt::format("select: expected operations in 0..{}, got {}", kOperations - 1, operation));
    }
  }
  choice_ = choice;
}

Execution Supernet::execution_for(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) const {
  const bool by_example = alphas.at(0).dim() > 2;
  const bool can_fuse = images.is_cpu() && !by_example && !stem_norm_->normalises_by_group();
  if (options_.execution == Execution::automatic) return can_fuse ? Execution::fused : Execution::plain;
  if (options_.execution == Execution::fused && (by_example || stem_norm_->normalises_by_group())) {
    throw ConfigError(
        "space.execution: expected \"automatic\" or \"plain\" with group norm or alpha by example, got \"fused\"");
  }
  return options_.execution;
}

std::vector<torch::Tensor> Supernet::features(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) {
  if (images.dim() != 4 || images.size(0) == 0 || images.size(1) != shape_.channels ||
      images.size(2) != shape_.height || images.size(3) != shape_.width) {
    throw Error(fmt::format("supernet: expected images [batch, {}, {}, {}], got {} dimensions of {} elements",
                            shape_.channels, shape_.height, shape_.width, images.dim(), images.numel()));
  }
  const Execution execution = execution_for(images, alphas);
  const auto format =
      execution == Execution::reference ? torch::MemoryFormat::Contiguous : torch::MemoryFormat::ChannelsLast;

  const torch::Tensor stem_weight = stem_filter_->weight.contiguous(format);
  torch::Tensor before_previous = stem_norm_->forward(torch::conv2d(images.contiguous(format), stem_weight, {}, 1, 1));
  torch::Tensor previous = before_previous;
  const torch::Tensor normal = choice_.empty() ? torch::softmax(alphas[0], -1) : torch::Tensor();
  const torch::Tensor reduce = choice_.empty() ? torch::softmax(alphas[1], -1) : torch::Tensor();
  std::vector<torch::Tensor> outputs;
  for (const auto& cell : cells_) {
    const bool reduction = cell->shape.reduction;
    torch::Tensor output;
    if (choice_.empty()) {
      output = cell->forward(before_previous, previous, reduction ? reduce : normal, execution);
    } else {
      const int64_t* choice = choice_.data() + (reduction ? edge_count(options_.steps) : 0);
      output = cell->forward_selected(before_previous, previous, choice);
    }
    outputs.push_back(output);
    before_previous = std::exchange(previous, output);
  }
  return outputs;
}

torch::Tensor Supernet::forward_with(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) {
  return classifier_->forward(features(images, alphas).back().mean({2, 3}));
}

}  // namespace archleak::nas
