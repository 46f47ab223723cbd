#include "nas/dag_network.h"

#include <cmath>
#include <cstdio>

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "nas/genotype.h"

namespace archleak::nas {
namespace {

constexpr double kOperationWeight = 0.35;
constexpr double kWeightBound = 0.25;

struct SeparablePair : torch::nn::Module {
  SeparablePair(int64_t channels, int64_t kernel, int64_t dilation) : kernel(kernel), dilation(dilation) {
    depthwise = register_module("depthwise", std::make_shared<Filter>(channels, channels, kernel, channels));
    pointwise = register_module("pointwise", std::make_shared<Filter>(channels, channels, 1));
  }
  torch::Tensor forward(const torch::Tensor& input) const {
    const int64_t padding = dilation * (kernel - 1) / 2;
    const torch::Tensor deep = torch::conv2d(input, depthwise->weight, {}, 1, {padding, padding}, {dilation, dilation},
                                             depthwise->weight.size(0));
    return torch::conv2d(deep, pointwise->weight);
  }
  int64_t kernel, dilation;
  std::shared_ptr<Filter> depthwise, pointwise;
};

torch::Tensor activate(Activation activation, const torch::Tensor& x) {
  switch (activation) {
    case Activation::elu:
      return torch::elu(x);
    case Activation::tanh:
      return torch::tanh(x);
    case Activation::sigmoid:
      return torch::sigmoid(x);
    default:
      return torch::relu(x);
  }
}

/// A weight, or one `[batch]` for each example, in a shape that multiplies images.
torch::Tensor by_example(const torch::Tensor& weight) {
  return weight.dim() == 0 ? weight : weight.view({-1, 1, 1, 1});
}

/// The sum of all `features` so far, each weighed with its entry of `connections` `[..., features]`.
torch::Tensor connect(const std::vector<torch::Tensor>& features, const torch::Tensor& connections) {
  const auto cell = static_cast<int64_t>(features.size());
  if (connections.dim() == 1) {
    return connections.matmul(torch::stack(features).view({cell, -1})).view_as(features[0]);
  }
  const auto stack = torch::stack(features, 1).flatten(2);  // [batch, cell, values]
  return torch::bmm(connections.unsqueeze(1), stack).view_as(features[0]);
}

void expect(bool holds, const char* what, int64_t got) {
  if (!holds) throw ConfigError(fmt::format("graph of cells: expected {}, got {}", what, got));
}

}  // namespace

struct DagNetwork::Cell : torch::nn::Module {
  explicit Cell(int64_t channels) {
    bias = register_parameter("bias", torch::zeros({channels}));
    for (int64_t primitive = kSeparable3; primitive <= kDilated5; ++primitive) {
      const int64_t kernel = primitive == kSeparable3 || primitive == kDilated3 ? 3 : 5;
      const int64_t dilation = primitive >= kDilated3 ? 2 : 1;
      pairs.push_back(
          register_module(kPrimitives[primitive], std::make_shared<SeparablePair>(channels, kernel, dilation)));
    }
  }
  torch::Tensor bias;
  std::vector<std::shared_ptr<SeparablePair>> pairs;  // from kSeparable3 on
};

DagNetwork::DagNetwork(const DagOptions& options, ExampleShape shape, int64_t classes)
    : options_(options), shape_(shape), classes_(classes) {
  stem_ = register_module("stem", std::make_shared<Filter>(shape.channels, options.channels, 3));
  const auto list = register_module("cells", std::make_shared<torch::nn::Module>());
  for (int64_t p = 1; p < options.cells; ++p) {
    cells_.push_back(list->register_module(std::to_string(p), std::make_shared<Cell>(options.channels)));
  }
  const int64_t positions = options.head == DagHead::flatten ? shape.height * shape.width : 1;
  head_ = register_module("head", torch::nn::Linear(options.channels * positions, classes));
  alphas_connections_ = register_parameter("alphas_connections", torch::zeros(first_connection(options.cells)));
  alphas_operations_ = register_parameter("alphas_operations", torch::zeros({options.cells - 1, kOperations}));
}

void DagNetwork::draw(const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    if (is_alpha(parameter.key())) continue;
    torch::Tensor& value = parameter.value();
    double bound = kWeightBound;
    if (value.is_same(head_->weight)) bound = std::min(bound, std::sqrt(3.0 / static_cast<double>(value.size(1))));
    value.uniform_(-bound, bound, generator);
  }
  const auto relative = [&](torch::Tensor part, double weight) {
    part.normal_(0, 0.1, generator);
    switch (options_.alpha) {
      case AlphaMapping::raw:
        return part.add_(1).mul_(weight);
      case AlphaMapping::softmax:
        return part;
      default:
        return part.add_(std::log(weight / (1 - weight)));
    }
  };
  for (int64_t p = 1; p < options_.cells; ++p) relative(connections(p), 1.0 / static_cast<double>(p + 1));
  relative(alphas_operations_, kOperationWeight);
}

torch::Tensor DagNetwork::connections(int64_t cell) const {
  return alphas_connections_.narrow(0, first_connection(cell), cell);
}

torch::Tensor DagNetwork::mapped(const torch::Tensor& alpha) const {
  switch (options_.alpha) {
    case AlphaMapping::raw:
      return alpha;
    case AlphaMapping::softmax:
      return torch::softmax(alpha, -1);
    default:
      return torch::sigmoid(alpha);
  }
}

torch::Tensor DagNetwork::operation(const Cell& cell, int64_t primitive, const torch::Tensor& input) const {
  switch (primitive) {
    case kNone:
      return torch::zeros_like(input);
    case kMaxPool:
      return options_.max_pool ? torch::max_pool2d(input, 3, 1, 1) : torch::zeros_like(input);
    case kAveragePool:
      return torch::avg_pool2d(input, 3, 1, 1, false, /*count_include_pad=*/false);
    case kSkip:
      return input;
    default:
      return cell.pairs.at(static_cast<size_t>(primitive - kSeparable3))->forward(input);
  }
}

torch::Tensor DagNetwork::forward_with(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) {
  if (images.dim() != 4 || images.size(1) != shape_.channels || images.size(2) != shape_.height ||
      images.size(3) != shape_.width) {
    throw Error(fmt::format("graph of cells: expected images [batch, {}, {}, {}], got {} dimensions of {} elements",
                            shape_.channels, shape_.height, shape_.width, images.dim(), images.numel()));
  }
  std::vector<torch::Tensor> features{torch::conv2d(images, stem_->weight, {}, 1, 1).contiguous()};
  const auto weights = mapped(alphas.at(1)).unbind(-2);
  for (int64_t p = 1; p < options_.cells; ++p) {
    const Cell& cell = *cells_[p - 1];
    const auto enter = [&](const torch::Tensor& sum) {
      return activate(options_.activation, sum + cell.bias.view({1, -1, 1, 1}));
    };
    if (!choice_.empty()) {
      features.push_back(operation(cell, choice_[p - 1], enter(features[choice_[options_.cells - 2 + p]])));
      continue;
    }
    const auto input = enter(connect(features, mapped(alphas[0].narrow(-1, first_connection(p), p))));
    const auto weight = weights[p - 1].unbind(-1);
    torch::Tensor sum = torch::zeros_like(input);
    for (int64_t o = kNone + 1; o < kOperations; ++o) {
      sum = sum + by_example(weight[o]) * operation(cell, o, input);
    }
    features.push_back(sum);
  }
  const torch::Tensor& last = features.back();
  return head_->forward(options_.head == DagHead::flatten ? last.flatten(1) : last.mean({2, 3}));
}

bool DagNetwork::is_alpha(const std::string& parameter_name) const {
  return parameter_name == "alphas_connections" || parameter_name == "alphas_operations";
}

std::vector<torch::Tensor> DagNetwork::probabilities() const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> result{mapped(alphas_operations_).detach()};
  for (int64_t p = 1; p < options_.cells; ++p) result.push_back(mapped(connections(p)).detach().unsqueeze(0));
  return result;
}

std::optional<SearchNetwork::Place> DagNetwork::place(const std::string& parameter_name) const {
  int cell = 0;
  char name[32];
  if (std::sscanf(parameter_name.c_str(), "cells.%d.%31[a-z0-9_].", &cell, name) != 2) return std::nullopt;
  for (int64_t o = 0; o < kOperations; ++o) {
    if (kPrimitives[o] == std::string_view(name)) return Place{.row = cell - 1, .operation = o};
  }
  return std::nullopt;
}

bool DagNetwork::has(const std::string& name) const {
  const auto found = choice_.empty() ? std::nullopt : place(name);
  return !found || choice_.at(found->row) == found->operation;
}

void DagNetwork::select(const std::vector<int64_t>& choice) {
  const auto cells = static_cast<size_t>(options_.cells - 1);
  if (!choice.empty() && choice.size() != 2 * cells) {
    throw Error(fmt::format("select: expected {} choices (or none), got {}", 2 * cells, choice.size()));
  }
  for (size_t row = 0; row < choice.size(); ++row) {
    const int64_t count = row < cells ? kOperations : static_cast<int64_t>(row - cells + 1);
    if (choice[row] < 0 || choice[row] >= count) {
      throw Error(fmt::format("select: expected a choice in 0..{} for row {}, got {}", count - 1, row, choice[row]));
    }
  }
  choice_ = choice;
}

std::shared_ptr<DagNetwork> make_dag_network(const DagOptions& options, ExampleShape shape, int64_t classes,
                                             const at::Generator& init) {
  expect(options.cells >= 2, "at least 2 cells", options.cells);
  expect(options.channels >= 1, "at least 1 channel", options.channels);
  expect(classes >= 2, "at least 2 classes", classes);
  expect(shape.size() >= 1, "images of at least 1 pixel", shape.size());
  auto network = std::make_shared<DagNetwork>(options, shape, classes);
  network->draw(init);
  return network;
}

}  // namespace archleak::nas
