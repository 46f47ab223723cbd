#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/config.h"

namespace archleak {

/// The step rule. g is the gradient plus weight_decay * x, t counts steps from 1.
enum class OptimizerKind {
  sgd,          ///< torch::optim::SGD: b = momentum b + g; x -= lr b (Nesterov: x -= lr (g + momentum b))
  adam,         ///< torch::optim::Adam: bias-corrected moments; x -= lr m' / (sqrt(v') + epsilon)
  adagrad,      ///< torch::optim::Adagrad: v += g^2; x -= lr g / (sqrt(v) + epsilon)
  fed_adam,     ///< Reddi et al. 2021, algorithm 2: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
                ///< x -= lr m / (sqrt(v) + epsilon); no bias correction, v starts at epsilon^2
  fed_yogi,     ///< the same with v -= (1 - beta2) g^2 sign(v - g^2)
  fed_adagrad,  ///< the same with v += g^2
};

/// The paper's server variants take epsilon (its tau) near 1e-3 and lr near 1e-2; torch's take 1e-8 or 1e-10.
struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  double lr = 0.01;
  double momentum = 0;  ///< sgd only
  double beta1 = 0.9;   ///< adam and fed_*
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool nesterov = false;  ///< sgd only; needs momentum
};

/// Every key of `options`; the values given are the defaults. Throws ConfigError, also for Nesterov without momentum.
void describe(ConfigSection section, OptimizerOptions& options);

/// A step rule with its state over one flat tensor, one pass over memory a step.
///
/// Deterministic to the bit on a machine: float32 on the CPU takes one sequential pass, whatever the number of threads.
/// Other types and devices take tensor operations with the same formulas. Agrees with torch::optim to rounding.
class Optimizer {
 public:
  /// For tensors `[size]` of the given type and device. Throws ConfigError for options that `describe` would reject.
  Optimizer(const OptimizerOptions& options, int64_t size, torch::TensorOptions tensor_options = torch::kFloat32);

  /// One step on `values` (in place, contiguous) with options().lr. Throws Error for other sizes or types.
  void step(torch::Tensor values, const torch::Tensor& gradient);

  /// The same with another learning rate (schedules).
  void step(torch::Tensor values, const torch::Tensor& gradient, double lr);

  /// The first moment `[size]` (sgd: the momentum buffer), shared memory; zeros where the rule keeps none.
  torch::Tensor momentum_buffer() const;

  /// Steps taken since construction or `reset`.
  int64_t steps() const { return steps_; }
  const OptimizerOptions& options() const { return options_; }

  /// Back to the state after construction.
  void reset();

  /// The state as bytes: version, kind, size, steps, buffers. Equal states give equal bytes.
  std::string save() const;

  /// Restores what `save` gave. Throws CheckpointError, leaving the state as it was, for other kinds, sizes or lengths.
  void load(std::string_view bytes);

 private:
  bool keeps_first() const;
  bool keeps_second() const;

  OptimizerOptions options_;
  int64_t size_;
  torch::TensorOptions tensor_options_;
  torch::Tensor first_;   // momentum or first moment
  torch::Tensor second_;  // second moment or sum of squares
  int64_t steps_ = 0;
};

/// Scales `gradient` in place so that its Euclidean norm is at most `max_norm`, by max_norm / (norm + 1e-6) as
/// torch's clip_grad_norm_ does, and returns the norm before. The norm does not depend on the number of threads. A
/// gradient with a norm that is not finite stays as it is.
double clip_gradient_norm(torch::Tensor gradient, double max_norm);

/// Cosine annealing: min_lr + (lr - min_lr) (1 + cos(pi step / total)) / 2; min_lr from `total` on.
double cosine_lr(double lr, double min_lr, int64_t step, int64_t total);

}  // namespace archleak
