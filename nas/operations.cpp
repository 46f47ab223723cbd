#include "nas/operations.h"

#include "models/depthwise_convolution.h"

namespace archleak::nas {
namespace {

using models::BatchNorm;

constexpr double kShortest = 1e-8;  // a filter's length is counted as at least about this

// The original wraps its layers in a Sequential called "op"; only the numbers of those with state are left.
struct Numbered : torch::nn::Module {};

class None : public Operation {
 public:
  explicit None(int64_t stride) : stride_(stride) {}
  torch::Tensor forward(const NodeState& input) override {
    const torch::Tensor& x = input.value;
    return torch::zeros(
        {x.size(0), x.size(1), (x.size(2) + stride_ - 1) / stride_, (x.size(3) + stride_ - 1) / stride_},
        x.options().memory_format(torch::MemoryFormat::ChannelsLast));
  }

 private:
  int64_t stride_;
};

class Identity : public Operation {
 public:
  torch::Tensor forward(const NodeState& input) override { return input.value; }
};

std::shared_ptr<PointwiseFilter> make_pointwise(int64_t channels, const std::shared_ptr<const Code>& code) {
  if (code) return std::make_shared<GeneratedFilter>(channels, channels, code);
  return std::make_shared<PointwiseFilter>(channels, channels);
}

}  // namespace

const torch::Tensor& NodeState::rectified() const {
  if (!rectified_.defined() || !share_relu) rectified_ = torch::relu(value);
  return rectified_;
}

Filter::Filter(int64_t in, int64_t out, int64_t kernel, int64_t groups) {
  weight = register_parameter("weight", torch::zeros({out, in / groups, kernel, kernel}));
}

Filter::Filter(torch::Tensor weight) {
  this->weight = register_parameter("weight", std::move(weight));
}

GeneratedFilter::GeneratedFilter(int64_t in, int64_t out, std::shared_ptr<const Code> code)
    : PointwiseFilter(torch::zeros({out * in, code->units})), in_(in), out_(out), code_(std::move(code)) {}

torch::Tensor GeneratedFilter::value() const {
  // A layer's own call where examples are to be told apart (defenses/layer_tape.h).
  const torch::Tensor filters = code_->value.dim() == 1 ? torch::matmul(weight, code_->value).view({out_, in_})
                                                        : torch::linear(code_->value, weight).view({-1, out_, in_});
  return filters / (filters.norm(2, -1, /*keepdim=*/true) + kShortest);
}

torch::Tensor GeneratedFilter::convolve(const torch::Tensor& features) const {
  const torch::Tensor filters = value();
  if (filters.dim() == 2) return torch::conv2d(features, filters.view({out_, in_, 1, 1}));
  const auto size = features.sizes();
  return torch::bmm(filters, features.flatten(2)).view({size[0], out_, size[2], size[3]});
}

torch::Tensor SeparableUnit::forward(const torch::Tensor& rectified) const {
  const torch::Tensor deep = models::depthwise_convolution(rectified, depthwise->weight, stride, dilation);
  return norm->forward(pointwise->convolve(deep));
}

Pool::Pool(Primitive kind, int64_t channels, int64_t stride) : maximum_(kind == kMaxPool), stride_(stride) {
  norm = register_module("1", std::make_shared<BatchNorm>(channels, false));
}

torch::Tensor Pool::forward(const NodeState& input) {
  const std::vector<int64_t> stride{stride_, stride_};
  return norm->forward(maximum_ ? torch::max_pool2d(input.value, {3, 3}, stride, {1, 1})
                                : torch::avg_pool2d(input.value, {3, 3}, stride, {1, 1}, false, false));
}

Separable::Separable(Primitive kind, int64_t channels, int64_t stride, const std::shared_ptr<const Code>& code) {
  const bool dilated = kind == kDilated3 || kind == kDilated5;
  const int64_t kernel = kind == kSeparable3 || kind == kDilated3 ? 3 : 5;
  const auto op = register_module("op", std::make_shared<Numbered>());
  for (int number = 1; number <= (dilated ? 1 : 5); number += 4) {
    const auto name = [number](int i) { return std::to_string(number + i); };
    const std::shared_ptr<PointwiseFilter> pointwise = make_pointwise(channels, code);
    units.push_back(
        {.depthwise = op->register_module(name(0), std::make_shared<Filter>(channels, channels, kernel, channels)),
         .pointwise = op->register_module(name(1), pointwise),
         .norm = op->register_module(name(2), std::make_shared<BatchNorm>(channels, false)),
         .kernel = kernel,
         .stride = number == 1 ? stride : 1,
         .dilation = dilated ? 2 : 1});
  }
}

torch::Tensor Separable::forward(const NodeState& input) {
  torch::Tensor x = units[0].forward(input.rectified());
  for (size_t i = 1; i < units.size(); ++i) x = units[i].forward(torch::relu(x));
  return x;
}

FactorizedReduce::FactorizedReduce(int64_t in, int64_t out) {
  conv_1_ = register_module("conv_1", std::make_shared<Filter>(in, out / 2, 1));
  conv_2_ = register_module("conv_2", std::make_shared<Filter>(in, out / 2, 1));
  norm_ = register_module("bn", std::make_shared<BatchNorm>(out, false));
}

torch::Tensor FactorizedReduce::forward(const NodeState& input) {
  torch::Tensor x = input.rectified();
  const int64_t bottom = x.size(2) % 2, right = x.size(3) % 2;
  if (bottom || right) x = torch::constant_pad_nd(x, {0, right, 0, bottom});
  const torch::Tensor shifted = x.slice(2, 1).slice(3, 1);
  return norm_->forward(torch::cat(
      {torch::conv2d(x, conv_1_->weight, {}, /*stride=*/2), torch::conv2d(shifted, conv_2_->weight, {}, /*stride=*/2)},
      1));
}

ReluConvNorm::ReluConvNorm(int64_t in, int64_t out) {
  const auto op = register_module("op", std::make_shared<Numbered>());
  filter_ = op->register_module("1", std::make_shared<Filter>(in, out, 1));
  norm_ = op->register_module("2", std::make_shared<BatchNorm>(out, false));
}

torch::Tensor ReluConvNorm::forward(const NodeState& input) {
  return norm_->forward(torch::conv2d(input.rectified(), filter_->weight));
}

std::shared_ptr<Operation> make_operation(Primitive primitive, int64_t channels, int64_t stride,
                                          const std::shared_ptr<const Code>& code) {
  switch (primitive) {
    case kNone:
      return std::make_shared<None>(stride);
    case kMaxPool:
    case kAveragePool:
      return std::make_shared<Pool>(primitive, channels, stride);
    case kSkip:
      if (stride == 1) return std::make_shared<Identity>();
      return std::make_shared<FactorizedReduce>(channels, channels);
    default:
      return std::make_shared<Separable>(primitive, channels, stride, code);
  }
}

}  // namespace archleak::nas
