#include "nas/derived_cell.h"

#include "models/depthwise_convolution.h"
#include "models/dropout.h"
#include "models/layers.h"

namespace archleak::nas {
namespace {

using models::BatchNorm;
using models::Chain;
using models::convolution;

class Identity : public DerivedOperation {
 public:
  torch::Tensor forward(const torch::Tensor& input) override { return input; }
  bool is_identity() const override { return true; }
};

/// Without the batch norm that the search puts after it.
class Pool : public DerivedOperation {
 public:
  Pool(bool maximum, int64_t stride) : maximum_(maximum), stride_(stride) {}
  torch::Tensor forward(const torch::Tensor& input) override {
    return maximum_ ? torch::max_pool2d(input, 3, stride_, 1)
                    : torch::avg_pool2d(input, 3, stride_, 1, /*ceil_mode=*/false, /*count_include_pad=*/false);
  }

 private:
  bool maximum_;
  int64_t stride_;
};

class Layers : public DerivedOperation {
 public:
  explicit Layers(std::shared_ptr<Chain> op) : op_(register_module("op", std::move(op))) {}
  torch::Tensor forward(const torch::Tensor& input) override { return op_->forward(input); }

 private:
  std::shared_ptr<Chain> op_;
};

/// Halves both sides with two pointwise convolutions, one pixel apart, for half of the channels each.
class FactorizedReduce : public DerivedOperation {
 public:
  FactorizedReduce(int64_t in, int64_t out) {
    conv_1_ = register_module("conv_1", convolution(in, out / 2, {.kernel = 1, .stride = 2}));
    conv_2_ = register_module("conv_2", convolution(in, out - out / 2, {.kernel = 1, .stride = 2}));
    norm_ = register_module("bn", std::make_shared<BatchNorm>(out, true));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    torch::Tensor x = torch::relu(input);
    const int64_t bottom = x.size(2) % 2, right = x.size(3) % 2;
    if (bottom || right) x = torch::constant_pad_nd(x, {0, right, 0, bottom});
    const torch::Tensor shifted = x.slice(2, 1).slice(3, 1);
    return norm_->forward(torch::cat({conv_1_->forward(x), conv_2_->forward(shifted)}, 1));
  }

 private:
  torch::nn::Conv2d conv_1_{nullptr}, conv_2_{nullptr};
  std::shared_ptr<BatchNorm> norm_;
};

std::shared_ptr<DerivedOperation> relu_conv_norm(int64_t in, int64_t out) {
  return std::make_shared<Layers>(
      models::chain(torch::nn::ReLU(), convolution(in, out, {.kernel = 1}), std::make_shared<BatchNorm>(out, true)));
}

void add_separable(Chain& layers, int64_t channels, int64_t kernel, int64_t stride, int64_t dilation) {
  layers.push_back(torch::nn::ReLU());
  layers.push_back(std::make_shared<models::DepthwiseConvolution>(channels, kernel, stride, dilation));
  layers.push_back(convolution(channels, channels, {.kernel = 1}));
  layers.push_back(std::make_shared<BatchNorm>(channels, true));
}

}  // namespace

std::shared_ptr<DerivedOperation> make_derived_operation(const std::string& name, int64_t channels, int64_t stride) {
  if (name == "max_pool_3x3" || name == "avg_pool_3x3") return std::make_shared<Pool>(name[0] == 'm', stride);
  if (name == "skip_connect") {
    if (stride == 1) return std::make_shared<Identity>();
    return std::make_shared<FactorizedReduce>(channels, channels);
  }
  const bool separable = name.starts_with("sep");
  const int64_t kernel = name.ends_with("3x3") ? 3 : 5;
  const auto layers = models::chain();
  add_separable(*layers, channels, kernel, stride, separable ? 1 : 2);
  if (separable) add_separable(*layers, channels, kernel, 1, 1);
  return std::make_shared<Layers>(layers);
}

DerivedCell::DerivedCell(const std::vector<Genotype::Edge>& edges, const std::vector<int64_t>& concat,
                         const Shape& shape)
    : concat_(concat) {
  preprocess0_ = shape.previous_reduction ? std::make_shared<FactorizedReduce>(shape.before_previous, shape.channels)
                                          : relu_conv_norm(shape.before_previous, shape.channels);
  register_module("preprocess0", preprocess0_);
  preprocess1_ = register_module("preprocess1", relu_conv_norm(shape.previous, shape.channels));
  torch::nn::ModuleList list;
  for (const auto& edge : edges) {
    operations_.push_back(
        make_derived_operation(edge.operation, shape.channels, shape.reduction && edge.from < 2 ? 2 : 1));
    list->push_back(operations_.back());
    from_.push_back(edge.from);
  }
  register_module("_ops", list);
}

torch::Tensor DerivedCell::forward(const torch::Tensor& before_previous, const torch::Tensor& previous,
                                   double drop_path, const at::Generator& generator) {
  std::vector<torch::Tensor> states = {preprocess0_->forward(before_previous), preprocess1_->forward(previous)};
  const auto edge = [&](size_t i) {
    const torch::Tensor output = operations_[i]->forward(states[from_[i]]);
    return drop_path > 0 && !operations_[i]->is_identity() ? models::drop_path(output, drop_path, generator) : output;
  };
  for (size_t i = 0; i < operations_.size(); i += 2) {
    const torch::Tensor first = edge(i);  // in this order: both may draw
    states.push_back(first + edge(i + 1));
  }
  std::vector<torch::Tensor> outputs;
  for (const int64_t state : concat_) outputs.push_back(states[state]);
  return torch::cat(outputs, 1);
}

}  // namespace archleak::nas
