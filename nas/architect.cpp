#include "nas/architect.h"

namespace archleak::nas {
namespace {

torch::Tensor loss_of(SearchNetwork& network, const Batch& batch) {
  return torch::cross_entropy_loss(network.forward(batch.images), batch.labels);
}

// Puts the arena's values back as they were, bit for bit, whatever ends the scope.
class ValuesGuard {
 public:
  explicit ValuesGuard(const torch::Tensor& values) : values_(values), saved_(values.clone()) {}
  ~ValuesGuard() {
    const torch::NoGradGuard no_grad;
    values_.copy_(saved_);
  }
  ValuesGuard(const ValuesGuard&) = delete;
  ValuesGuard& operator=(const ValuesGuard&) = delete;

 private:
  torch::Tensor values_, saved_;
};

// Takes alpha out of the graph while in scope.
class FrozenAlpha {
 public:
  explicit FrozenAlpha(const SearchNetwork& network) : alphas_(network.alphas()) { set(false); }
  ~FrozenAlpha() { set(true); }
  FrozenAlpha(const FrozenAlpha&) = delete;
  FrozenAlpha& operator=(const FrozenAlpha&) = delete;

 private:
  void set(bool requires_grad) {
    for (auto& alpha : alphas_) alpha.requires_grad_(requires_grad);
  }
  std::vector<torch::Tensor> alphas_;
};

// The gradient with respect to alpha alone, flat, and the loss: nothing that only the weights need is computed.
torch::Tensor alpha_gradient(SearchNetwork& network, const Batch& batch, double* loss_value = nullptr) {
  const torch::AutoGradMode with_grad(true);
  const torch::Tensor loss = loss_of(network, batch);
  if (loss_value) *loss_value = loss.item<double>();
  const auto alphas = network.alphas();
  const auto gradients = torch::autograd::grad({loss}, alphas, {}, c10::nullopt, false, /*allow_unused=*/true);
  std::vector<torch::Tensor> flat;
  for (size_t i = 0; i < alphas.size(); ++i) {  // a short network may have no cell of one kind
    flat.push_back((gradients[i].defined() ? gradients[i] : torch::zeros_like(alphas[i])).flatten());
  }
  return torch::cat(flat);
}

double second_order(SearchNetwork& network, Arena& arena, const Batch& train, const Batch& valid,
                    const UnrolledStep& step) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor weights = arena.segment(Segment::weights);
  const torch::Tensor gradient = arena.gradient(Segment::weights);
  const torch::Tensor start = weights.clone();
  weight_gradient(network, arena, train);

  torch::Tensor direction = gradient.add(weights, step.weight_decay);
  if (step.momentum_buffer.defined()) direction.add_(step.momentum_buffer, step.momentum);
  weights.sub_(direction, step.lr);
  const double loss = weight_gradient(network, arena, valid, /*with_alpha=*/true);
  torch::Tensor alpha = arena.gradient(Segment::alpha).clone();

  const double length = gradient.norm().item<double>();
  if (length > 0) {
    const double epsilon = 0.01 / length;
    const auto alpha_gradient_at = [&](double distance) {
      weights.copy_(start).add_(gradient, distance);
      return alpha_gradient(network, train);
    };
    const torch::Tensor plus = alpha_gradient_at(epsilon);
    alpha.sub_(plus - alpha_gradient_at(-epsilon), step.lr / (2 * epsilon));
  }
  arena.gradient(Segment::alpha).copy_(alpha);
  return loss;
}

}  // namespace

void describe(ConfigSection section, ArchitectOptions& options) {
  section.read(
      "order", options.order,
      {{"first", ArchitectureOrder::first}, {"second", ArchitectureOrder::second}, {"mixed", ArchitectureOrder::mixed}},
      "gradient of alpha: first order, second order (unrolled), or mixed level (MiLeNAS)");
  section.read("mixed_weight", options.mixed_weight, {0, 1000}, "weight of the validation loss with order = mixed");
}

double architecture_gradient(SearchNetwork& network, Arena& arena, const Batch& train, const Batch& valid,
                             const ArchitectOptions& options, const UnrolledStep& step) {
  const ValuesGuard guard(options.order == ArchitectureOrder::second ? arena.values()
                                                                     : arena.segment(Segment::buffers));
  if (options.order == ArchitectureOrder::second) return second_order(network, arena, train, valid, step);
  double loss = 0;
  torch::Tensor gradient = alpha_gradient(network, valid, &loss);
  if (options.order == ArchitectureOrder::mixed) {
    gradient = alpha_gradient(network, train).add_(gradient, options.mixed_weight);
  }
  arena.gradient(Segment::alpha).copy_(gradient);
  return loss;
}

AlphaGradients alpha_gradients_by_example(SearchNetwork& network, const Batch& batch) {
  const torch::AutoGradMode with_grad(true);
  const int64_t examples = batch.labels.size(0);
  std::vector<torch::Tensor> copies;
  for (const auto& alpha : network.alphas()) {
    std::vector<int64_t> shape{examples};
    shape.insert(shape.end(), alpha.sizes().begin(), alpha.sizes().end());
    copies.push_back(alpha.detach().expand(shape).clone().requires_grad_());
  }
  const torch::Tensor losses =
      torch::cross_entropy_loss(network.forward_with(batch.images, copies), batch.labels, {}, at::Reduction::None);
  const auto gradients = torch::autograd::grad({losses.sum()}, copies, {}, c10::nullopt, false, /*allow_unused=*/true);
  std::vector<torch::Tensor> flat;
  for (size_t i = 0; i < copies.size(); ++i) {  // a short network may have no cell of one kind
    flat.push_back((gradients[i].defined() ? gradients[i] : torch::zeros_like(copies[i])).flatten(1));
  }
  return {.losses = losses.detach(), .gradients = torch::cat(flat, 1)};
}

double weight_gradient(SearchNetwork& network, Arena& arena, const Batch& batch, bool with_alpha) {
  const torch::AutoGradMode with_grad(true);
  if (with_alpha) {
    arena.gradients().zero_();
    const torch::Tensor loss = loss_of(network, batch);
    loss.backward();
    return loss.item<double>();
  }
  const FrozenAlpha frozen(network);
  arena.gradient(Segment::weights).zero_();
  const torch::Tensor loss = loss_of(network, batch);
  loss.backward();
  return loss.item<double>();
}

}  // namespace archleak::nas
