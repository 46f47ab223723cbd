#include "defenses/clipped_gradient.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

#include <map>
#include <unordered_set>

#include "core/error.h"
#include "defenses/layer_gradient.h"
#include "defenses/layer_tape.h"

namespace archleak::defenses {
namespace {

/// Norms are computed in float32: clipping this much lower keeps them below the bound itself.
constexpr double kRoundingMargin = 1 - 2e-6;

[[noreturn]] void refuse(const torch::Tensor& parameter, const char* got) {
  throw Error(
      fmt::format("per-example gradients: expected every parameter to be of one linear layer, convolution, group "
                  "norm or channel bias, got one of shape [{}] {}",
                  fmt::join(parameter.sizes(), ", "), got));
}

/// How often the graph behind `loss` uses each parameter, by tensor.
std::map<const void*, int> uses_in(const torch::Tensor& loss) {
  std::map<const void*, int> uses;
  std::unordered_set<const torch::autograd::Node*> seen;
  std::vector<const torch::autograd::Node*> open{loss.grad_fn().get()};
  while (!open.empty()) {
    const auto* node = open.back();
    open.pop_back();
    for (const auto& edge : node->next_edges()) {
      if (!edge.function) continue;
      if (const auto* leaf = dynamic_cast<const torch::autograd::AccumulateGrad*>(edge.function.get())) {
        ++uses[leaf->variable.unsafeGetTensorImpl()];
      } else if (seen.insert(edge.function.get()).second) {
        open.push_back(edge.function.get());
      }
    }
  }
  return uses;
}

/// The calls of layers behind `loss` that have some of `parameters`, without the parameters that are not among them.
std::vector<LayerCall> calls_behind(const torch::Tensor& loss, const LayerTape& tape,
                                    const std::vector<torch::Tensor>& parameters) {
  auto uses = uses_in(loss);
  std::map<const void*, int> unexplained;
  for (const auto& parameter : parameters) {
    const int count = uses[parameter.unsafeGetTensorImpl()];
    if (count > 1) refuse(parameter, "that is used more than once");
    unexplained[parameter.unsafeGetTensorImpl()] = count;
  }
  std::vector<LayerCall> calls;
  for (auto& call : tape.calls()) {
    for (torch::Tensor* parameter : {&call.weight, &call.bias}) {
      const auto found = unexplained.find(parameter->unsafeGetTensorImpl());
      if (found == unexplained.end() || found->second == 0) {
        *parameter = torch::Tensor();
      } else {
        --found->second;
      }
    }
    if (call.weight.defined() || call.bias.defined()) calls.push_back(std::move(call));
  }
  for (const auto& parameter : parameters) {
    if (unexplained[parameter.unsafeGetTensorImpl()] > 0) refuse(parameter, "that is used in another way");
  }
  return calls;
}

}  // namespace

torch::Tensor clip_factors(const torch::Tensor& norms, double clip) {
  return (clip * kRoundingMargin / norms).clamp_max(1);
}

ClippedBatch add_clipped_gradients(const std::function<torch::Tensor()>& losses,
                                   const std::vector<torch::Tensor>& parameters, double clip) {
  const torch::AutoGradMode with_grad(true);
  torch::Tensor loss;
  std::vector<LayerCall> calls;
  {
    const LayerTape tape;
    loss = losses();
    calls = calls_behind(loss, tape, parameters);
  }
  std::vector<torch::Tensor> outputs;
  for (const auto& call : calls) outputs.push_back(call.output);
  const auto gradients = torch::autograd::grad({loss.sum()}, outputs, {}, c10::nullopt, false, /*allow_unused=*/true);

  const torch::NoGradGuard no_grad;
  std::vector<LayerGradient> layers;
  torch::Tensor squares = torch::zeros_like(loss);
  for (size_t i = 0; i < calls.size(); ++i) {
    if (!gradients[i].defined()) {
      refuse(calls[i].weight.defined() ? calls[i].weight : calls[i].bias, "whose layer the loss does not depend on");
    }
    layers.emplace_back(calls[i], gradients[i]);
    squares.add_(layers.back().squared_norms());
  }
  const ClippedBatch batch{.losses = loss.detach(), .norms = squares.sqrt()};
  const torch::Tensor factors = clip_factors(batch.norms, clip);
  for (const auto& layer : layers) layer.add_weighted_sum(factors);
  return batch;
}

}  // namespace archleak::defenses
