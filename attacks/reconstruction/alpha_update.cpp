#include "attacks/reconstruction/alpha_update.h"

#include <spdlog/fmt/fmt.h>

#include <limits>

#include "core/error.h"

namespace archleak::attacks {

torch::Tensor alpha_gradient_from(const torch::Tensor& sent, const torch::Tensor& alpha, const AlphaUpdate& update) {
  if (sent.numel() != alpha.numel()) {
    throw Error(fmt::format("reconstruction: expected an update of {} alphas, got {}", alpha.numel(), sent.numel()));
  }
  const auto seen = sent.detach().flatten().to(torch::kFloat64), at = alpha.detach().flatten().to(torch::kFloat64);
  if (!seen.isfinite().all().item<bool>()) throw Error("reconstruction: expected a finite update, got NaN or infinity");
  if (update.kind == AlphaUpdateKind::gradient) return seen;
  if (!(update.lr > 0) || update.steps < 1) {
    throw Error(fmt::format("reconstruction: expected a positive learning rate and number of steps, got {} and {}",
                            update.lr, update.steps));
  }
  const auto step = -seen / update.lr;
  if (update.kind == AlphaUpdateKind::sgd) return step / update.steps - update.decay * at;
  const double rounding = std::numeric_limits<float>::epsilon();
  const auto size = step.abs().clamp_max(1 - rounding);
  return step.sign() * update.epsilon * size / (1 - size) - update.decay * at;
}

}  // namespace archleak::attacks
