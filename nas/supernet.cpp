#include "nas/supernet.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "models/initialise.h"

namespace archleak::nas {
namespace {

/// The cells of a network of so many.
std::vector<CellShape> cell_shapes(const SpaceOptions& options, int64_t layers) {
  const int64_t stem_channels = options.stem_multiplier * options.channels;
  CellShape cell{.before_previous = stem_channels,
                 .previous = stem_channels,
                 .channels = options.channels,
                 .steps = options.steps,
                 .multiplier = options.multiplier,
                 .reduction = false,
                 .previous_reduction = false};
  std::vector<CellShape> shapes;
  for (int64_t layer = 0; layer < layers; ++layer) {
    cell.reduction = layer == layers / 3 || layer == 2 * layers / 3;
    if (cell.reduction) cell.channels *= 2;
    shapes.push_back(cell);
    cell.previous_reduction = cell.reduction;
    cell.before_previous = std::exchange(cell.previous, cell.multiplier * cell.channels);
  }
  return shapes;
}

/// Which cells of the network `all` the network `part` is made of: the first ones of each resolution. Nothing if some
/// cell would have to be another.
std::optional<std::vector<int64_t>> cells_of_part(const std::vector<CellShape>& all,
                                                  const std::vector<CellShape>& part) {
  std::vector<int64_t> used;
  int64_t next = 0;
  for (const CellShape& cell : part) {
    while (next < std::ssize(all) && (all[next].channels != cell.channels || all[next].reduction != cell.reduction)) {
      ++next;
    }
    if (next == std::ssize(all) || all[next] != cell) return std::nullopt;
    used.push_back(next++);
  }
  return used;
}

/// Puts running statistics back to where they start.
void forget_running_statistics(torch::nn::Module& module) {
  module.apply([](torch::nn::Module& part) {
    auto* norm = dynamic_cast<models::BatchNorm*>(&part);
    if (!norm) return;
    norm->running_mean.zero_();
    norm->running_var.fill_(1);
    norm->num_batches_tracked.zero_();
  });
}

}  // namespace

Supernet::Supernet(const SpaceOptions& options, ExampleShape shape, int64_t classes)
    : options_(options), shape_(shape) {
  const int64_t stem_channels = options.stem_multiplier * options.channels;
  const auto stem = register_module("stem", std::make_shared<torch::nn::Module>());
  stem_filter_ = stem->register_module("0", std::make_shared<Filter>(shape.channels, stem_channels, 3));
  stem_norm_ = stem->register_module("1", std::make_shared<models::BatchNorm>(stem_channels, true));

  if (options.hypernetwork > 0) {
    code_ = std::make_shared<Code>(Code{.units = options.hypernetwork, .value = {}});
    const int64_t inputs = 2 * edge_count(options.steps) * kOperations + 1;
    hypernetwork_ = register_module("hypernetwork", torch::nn::Linear(inputs, options.hypernetwork));
  }
  const auto list = register_module("cells", std::make_shared<torch::nn::ModuleListImpl>());
  const auto shapes = cell_shapes(options, options.layers);
  for (const CellShape& cell : shapes) {
    cells_.push_back(std::make_shared<Cell>(cell, code_));
    list->push_back(cells_.back());
    used_.push_back(std::ssize(used_));
  }
  const int64_t features = options.multiplier * shapes.back().channels;
  classifier_ = register_module("classifier", torch::nn::Linear(features, classes));
  if (code_) return;
  alphas_normal_ = register_parameter("alphas_normal", torch::zeros({edge_count(options.steps), kOperations}));
  alphas_reduce_ = register_parameter("alphas_reduce", torch::zeros({edge_count(options.steps), kOperations}));
}

void Supernet::draw(const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  models::initialise(*this, generator);
  for (torch::Tensor alpha : alphas()) alpha.normal_(0, 1e-3, generator);
  forget_running_statistics(*this);
}

std::vector<torch::Tensor> Supernet::alphas() const {
  if (code_) return {};
  return {alphas_normal_, alphas_reduce_};
}

torch::Tensor Supernet::encode_choice(int64_t examples) {
  if (choice_.empty()) throw Error("supernet: expected a selected sub-network for the hypernetwork, got none");
  const torch::Tensor z = torch::zeros({1});
  if (is_training()) z.normal_(0, 1, generator_);
  const torch::Tensor selected = torch::one_hot(torch::tensor(choice_), kOperations).to(torch::kFloat32).flatten();
  torch::Tensor input = torch::cat({selected, z}).to(hypernetwork_->weight.options());
  if (is_training() && options_.generate_by_example) input = input.expand({examples, -1});
  return torch::relu(hypernetwork_->forward(input));
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
  return Place{.row = first_row(cells_.at(layer)->shape.reduction) + edge, .operation = operation};
}

bool Supernet::has(const std::string& name) const {
  if (choice_.empty() && space_ == SubSpace{}) return true;
  int layer = 0;
  if (std::sscanf(name.c_str(), "cells.%d.", &layer) == 1 &&
      std::find(used_.begin(), used_.end(), layer) == used_.end()) {
    return false;
  }
  const auto found = place(name);
  if (!found) return true;
  if (!choice_.empty()) return choice_.at(found->row) == found->operation;
  return space_.kept.empty() || has_operation(space_.kept.at(found->row), found->operation);
}

void Supernet::restrict(const SubSpace& space) {
  if (!space.kept.empty() && std::ssize(space.kept) != 2 * edge_count(options_.steps)) {
    throw Error(fmt::format("restrict: expected operations for {} edges (or none), got {}",
                            2 * edge_count(options_.steps), space.kept.size()));
  }
  if (std::find(space.kept.begin(), space.kept.end(), OperationSet{0}) != space.kept.end()) {
    throw Error("restrict: expected at least one operation an edge, got none");
  }
  if (!(space.skip_dropout >= 0 && space.skip_dropout < 1)) {
    throw Error(fmt::format("restrict: expected a rate of dropout from 0 to below 1, got {}", space.skip_dropout));
  }
  const int64_t layers = space.layers == 0 ? options_.layers : space.layers;
  if (layers < 1 || layers > options_.layers) {
    throw Error(fmt::format("restrict: expected 1 to {} cells, got {}", options_.layers, layers));
  }
  auto used = cells_of_part(cell_shapes(options_, options_.layers), cell_shapes(options_, layers));
  if (!used) {
    throw Error(
        fmt::format("restrict: expected a network of {} cells to be part of one of {}, which it is only if "
                    "both are of at most four or at least five and stem_multiplier is multiplier",
                    layers, options_.layers));
  }
  used_ = std::move(*used);
  space_ = space;
}

const OperationSet* Supernet::kept(bool reduction) const {
  return space_.kept.empty() ? nullptr : space_.kept.data() + first_row(reduction);
}

torch::Tensor Supernet::mixture(const torch::Tensor& alpha, bool reduction) const {
  const OperationSet* sets = kept(reduction);
  if (!sets) return torch::softmax(alpha, -1);
  torch::Tensor dropped = torch::zeros({alpha.size(-2), kOperations}, torch::kBool);
  for (int64_t edge = 0; edge < dropped.size(0); ++edge) {
    for (int64_t i = 0; i < kOperations; ++i) dropped[edge][i] = !has_operation(sets[edge], i);
  }
  const double never = -std::numeric_limits<double>::infinity();
  return torch::softmax(alpha.masked_fill(dropped.to(alpha.device()), never), -1);
}

std::vector<torch::Tensor> Supernet::probabilities() const {
  if (code_) return {};
  return {mixture(alphas_normal_.detach(), false), mixture(alphas_reduce_.detach(), true)};
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
  const bool by_example = !alphas.empty() && alphas[0].dim() > 2;
  const bool fewer = !space_.kept.empty() || (is_training() && space_.skip_dropout > 0);
  const bool can_fuse = images.is_cpu() && !by_example && !fewer && !stem_norm_->normalises_by_group();
  if (options_.execution == Execution::automatic) return can_fuse ? Execution::fused : Execution::plain;
  if (options_.execution == Execution::fused && fewer) return Execution::plain;
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
  if (code_) code_->value = encode_choice(images.size(0));
  const Execution execution = execution_for(images, alphas);
  const auto format =
      execution == Execution::reference ? torch::MemoryFormat::Contiguous : torch::MemoryFormat::ChannelsLast;

  const torch::Tensor stem_weight = stem_filter_->weight.contiguous(format);
  torch::Tensor before_previous = stem_norm_->forward(torch::conv2d(images.contiguous(format), stem_weight, {}, 1, 1));
  torch::Tensor previous = before_previous;
  const torch::Tensor normal = choice_.empty() ? mixture(alphas[0], false) : torch::Tensor();
  const torch::Tensor reduce = choice_.empty() ? mixture(alphas[1], true) : torch::Tensor();
  const SkipDropout dropout{.rate = is_training() ? space_.skip_dropout : 0, .generator = generator_};
  std::vector<torch::Tensor> outputs;
  for (const int64_t layer : used_) {
    Cell& cell = *cells_[layer];
    const bool reduction = cell.shape.reduction;
    torch::Tensor output;
    if (choice_.empty()) {
      output =
          cell.forward(before_previous, previous, reduction ? reduce : normal, execution, kept(reduction), dropout);
    } else {
      output = cell.forward_selected(before_previous, previous, choice_.data() + first_row(reduction));
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
