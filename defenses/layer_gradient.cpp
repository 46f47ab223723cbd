#include "defenses/layer_gradient.h"

namespace archleak::defenses {
namespace {

using Kind = LayerCall::Kind;

torch::Tensor sum_of_squares(const torch::Tensor& rows) {
  return rows.square().sum(1);
}

/// `[batch, channels, pixels]` from `[batch, channels, ...]`.
torch::Tensor by_pixel(const torch::Tensor& features) {
  return features.flatten(2).contiguous();
}

/// What each output pixel of a convolution reads: `[batch, in * kernel, pixels]`.
torch::Tensor unfolded(const LayerCall& call) {
  const bool pointwise = call.weight.size(2) == 1 && call.weight.size(3) == 1 &&
                         call.stride == std::vector<int64_t>{1, 1} && call.padding == std::vector<int64_t>{0, 0};
  if (pointwise) return by_pixel(call.input);
  return torch::im2col(call.input, {call.weight.size(2), call.weight.size(3)}, call.dilation, call.padding,
                       call.stride);
}

torch::Tensor normalised(const LayerCall& call) {
  const torch::Tensor& x = call.input;
  return std::get<0>(torch::native_group_norm(x, {}, {}, x.size(0), x.size(1), x.numel() / (x.size(0) * x.size(1)),
                                              call.groups, call.epsilon));
}

/// The Gram matrices of the pixels: `[batch * groups, pixels, pixels]` from `[batch * groups, channels, pixels]`.
torch::Tensor gram(const torch::Tensor& features) {
  return torch::bmm(features.transpose(1, 2), features);
}

}  // namespace

LayerGradient::LayerGradient(const LayerCall& call, const torch::Tensor& output_gradient)
    : call_(call), output_gradient_(output_gradient) {
  const torch::NoGradGuard no_grad;
  call_.input = call_.input.detach();
  if (!call_.bias.defined()) return;
  bias_gradients_ = output_gradient_.dim() == 2 ? output_gradient_ : by_pixel(output_gradient_).sum(2);
}

torch::Tensor LayerGradient::squared_norms() {
  const torch::NoGradGuard no_grad;
  torch::Tensor norms = torch::zeros({call_.input.size(0)}, call_.input.options());
  if (bias_gradients_.defined()) norms.add_(sum_of_squares(bias_gradients_));
  if (!call_.weight.defined()) return norms;
  if (call_.kind == Kind::linear) {
    norms.add_(sum_of_squares(call_.input) * sum_of_squares(output_gradient_));
  } else if (call_.kind == Kind::convolution) {
    norms.add_(convolution_norms());
  } else if (call_.kind == Kind::group_norm) {
    const torch::Tensor product = output_gradient_ * normalised(call_);
    weight_gradients_ = product.dim() == 2 ? product : by_pixel(product).sum(2);
    norms.add_(sum_of_squares(weight_gradients_));
  }
  return norms;
}

torch::Tensor LayerGradient::convolution_norms() {
  const int64_t batch = call_.input.size(0);
  const torch::Tensor gradient = by_pixel(output_gradient_);
  const torch::Tensor input = unfolded(call_);
  const int64_t pixels = gradient.size(2);
  const auto by_group = [&](const torch::Tensor& features) {
    return features.reshape({batch * call_.groups, features.size(1) / call_.groups, pixels});
  };
  if (2 * pixels * pixels < call_.weight.numel()) {
    const torch::Tensor products = gram(by_group(gradient)) * gram(by_group(input));
    return products.view({batch, -1}).sum(1).clamp_min(0);
  }
  weight_gradients_ = torch::bmm(by_group(gradient), by_group(input).transpose(1, 2)).view({batch, -1});
  return sum_of_squares(weight_gradients_);
}

void LayerGradient::add_weighted_sum(const torch::Tensor& factors) const {
  const torch::NoGradGuard no_grad;
  const auto add = [](const torch::Tensor& parameter, const torch::Tensor& sum) {
    torch::Tensor(parameter).mutable_grad().add_(sum.view_as(parameter));
  };
  if (bias_gradients_.defined()) add(call_.bias, factors.matmul(bias_gradients_));
  if (!call_.weight.defined()) return;
  if (weight_gradients_.defined()) {
    add(call_.weight, factors.matmul(weight_gradients_));
  } else if (call_.kind == Kind::linear) {
    add(call_.weight, (output_gradient_ * factors.unsqueeze(1)).t().matmul(call_.input));
  } else {
    const auto sums = torch::convolution_backward(output_gradient_ * factors.view({-1, 1, 1, 1}), call_.input,
                                                  call_.weight.detach(), c10::nullopt, call_.stride, call_.padding,
                                                  call_.dilation, false, {0, 0}, call_.groups, {false, true, false});
    add(call_.weight, std::get<1>(sums));
  }
}

}  // namespace archleak::defenses
