#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "models/batch_norm.h"

namespace archleak::nas {

/// How many candidate operations an edge has; their order is that of DARTS: none, max_pool_3x3, avg_pool_3x3,
/// skip_connect, sep_conv_3x3, sep_conv_5x5, dil_conv_3x3, dil_conv_5x5.
inline constexpr int64_t kOperations = 8;

/// The primitives by index.
enum Primitive : int64_t { kNone, kMaxPool, kAveragePool, kSkip, kSeparable3, kSeparable5, kDilated3, kDilated5 };

/// A node's value and its ReLU, computed once for all operations that read the node.
struct NodeState {
  explicit NodeState(torch::Tensor state) : value(std::move(state)) {}
  const torch::Tensor& rectified() const;

  torch::Tensor value;     ///< `[batch, channels, height, width]`
  bool share_relu = true;  ///< false: each reader computes its own

 private:
  mutable torch::Tensor rectified_;
};

/// A convolution's weight without bias, `[out, in / groups, kernel, kernel]`; not drawn (models/initialise.h draws).
class Filter : public torch::nn::Module {
 public:
  Filter(int64_t in, int64_t out, int64_t kernel, int64_t groups = 1);
  torch::Tensor weight;

 protected:
  explicit Filter(torch::Tensor weight);
};

/// A filter of one pixel.
class PointwiseFilter : public Filter {
 public:
  PointwiseFilter(int64_t in, int64_t out) : Filter(in, out, 1) {}

  /// `[batch, out, height, width]` from `features` `[batch, in, height, width]`.
  virtual torch::Tensor convolve(const torch::Tensor& features) const { return torch::conv2d(features, weight); }

 protected:
  using Filter::Filter;
};

/// What a hypernetwork makes of the selected sub-network before its last layer: `[units]`, or `[batch, units]`, where
/// each example has its own.
struct Code {
  int64_t units;
  torch::Tensor value;
};

/// A pointwise filter that is a linear function of a code; each output channel's is scaled to length one. Its weight is
/// that of the linear function, `[out * in, units]`.
class GeneratedFilter : public PointwiseFilter {
 public:
  GeneratedFilter(int64_t in, int64_t out, std::shared_ptr<const Code> code);

  /// `[out, in]`, or `[batch, out, in]` where each example has its code; the code must have a value.
  torch::Tensor value() const;
  torch::Tensor convolve(const torch::Tensor& features) const override;

 private:
  int64_t in_, out_;
  std::shared_ptr<const Code> code_;
};

/// Depthwise convolution, pointwise convolution, batch norm: what separable and dilated convolutions are made of.
struct SeparableUnit {
  std::shared_ptr<Filter> depthwise;
  std::shared_ptr<PointwiseFilter> pointwise;
  std::shared_ptr<models::BatchNorm> norm;
  int64_t kernel, stride, dilation;

  torch::Tensor forward(const torch::Tensor& rectified) const;
};

/// A candidate operation: `[batch, channels, height, width]` to the same, or to half the size (rounded up) at stride 2.
class Operation : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const NodeState& input) = 0;
};

/// Max or average pooling 3x3 (padding not counted), then batch norm.
class Pool : public Operation {
 public:
  Pool(Primitive kind, int64_t channels, int64_t stride);
  torch::Tensor forward(const NodeState& input) override;
  std::shared_ptr<models::BatchNorm> norm;

 private:
  bool maximum_;
  int64_t stride_;
};

/// ReLU and one SeparableUnit (dilated), or twice (separable: the stride is the first one's).
class Separable : public Operation {
 public:
  Separable(Primitive kind, int64_t channels, int64_t stride, const std::shared_ptr<const Code>& code);
  torch::Tensor forward(const NodeState& input) override;
  std::vector<SeparableUnit> units;
};

/// ReLU, two pointwise convolutions at stride 2, one pixel apart, for half of the channels each, batch norm.
/// An odd size is padded at its end.
class FactorizedReduce : public Operation {
 public:
  FactorizedReduce(int64_t in, int64_t out);
  torch::Tensor forward(const NodeState& input) override;

 private:
  std::shared_ptr<Filter> conv_1_, conv_2_;
  std::shared_ptr<models::BatchNorm> norm_;
};

/// ReLU, pointwise convolution, batch norm.
class ReluConvNorm : public Operation {
 public:
  ReluConvNorm(int64_t in, int64_t out);
  torch::Tensor forward(const NodeState& input) override;

 private:
  std::shared_ptr<Filter> filter_;
  std::shared_ptr<models::BatchNorm> norm_;
};

/// The operation of index `primitive` with stride 1 or 2. Batch norm has no weights of its own. With a `code`, the
/// pointwise filters of convolutions are generated from it.
std::shared_ptr<Operation> make_operation(Primitive primitive, int64_t channels, int64_t stride,
                                          const std::shared_ptr<const Code>& code = nullptr);

}  // namespace archleak::nas
