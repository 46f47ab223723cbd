#pragma once
#include <torch/torch.h>

namespace archleak::attacks {

/// What a client sent about alpha, and what the eavesdropper knows of how the client made it.
enum class AlphaUpdateKind {
  gradient,  ///< the gradient itself
  sgd,       ///< alpha after minus before SGD steps: -lr (g + decay alpha) each
  adam,      ///< alpha after minus before one step of Adam: -lr g' / (|g'| + epsilon) with g' = g + decay alpha
};

struct AlphaUpdate {
  AlphaUpdateKind kind = AlphaUpdateKind::gradient;
  double lr = 0;
  int64_t steps = 1;  ///< local steps that the difference sums up; more than one only for sgd
  double decay = 0;   ///< weight decay
  double epsilon = 1e-8;
};

/// The gradient of the loss with respect to alpha that explains `sent` at `alpha` (both `[alphas]`), float64.
///
/// Several SGD steps are read as that many steps at the broadcast model, so their mean comes out: what moves in between
/// is an error of the attack. One step of Adam keeps little but the gradient's signs: u = |difference| / lr is
/// |g'| / (|g'| + epsilon), which float32 cannot tell from one unless |g'| is near epsilon, so |g'| is inverted as far
/// as u allows and bounded by epsilon / (1 - u) at u one rounding below one.
///
/// Throws Error for other sizes, for values that are not finite, or without a positive lr where one is needed.
torch::Tensor alpha_gradient_from(const torch::Tensor& sent, const torch::Tensor& alpha, const AlphaUpdate& update);

}  // namespace archleak::attacks
