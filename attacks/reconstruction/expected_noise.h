#pragma once
#include <torch/torch.h>

#include "attacks/reconstruction/alpha_update.h"
#include "defenses/options.h"

namespace archleak::attacks {

/// How far values that were sent are expected to be from those before the defence, as standard deviations like `sent`:
/// what an attacker works out who knows the defence's settings, which are the deployment's and no secret.
///
/// Gaussian noise has its own deviation; in units of the gradient, that of a root mean square from which the noise's
/// share is taken. A value rounded at random between levels a step apart varies by step / sqrt(6) (places between
/// levels alike). A value that was not among the largest lies somewhere below the least that was sent: its size /
/// sqrt(3). Variances of several add up. `clip_noise_std` is as in UpdateDefense; that clip_noise may have scaled the
/// update is AlphaObservation::forget_length's; a residual is not accounted for.
torch::Tensor expected_noise(const defenses::DefenseOptions& defense, double clip_noise_std, const torch::Tensor& sent);

/// The same of the gradient that `reading` finds in `sent` at `alpha` (all `[alphas]`, see alpha_gradient_from), as
/// AlphaObservation::expect_noise takes it; undefined where none is expected, and for Adam, which leaves signs alone.
torch::Tensor expected_gradient_noise(const defenses::DefenseOptions& defense, double clip_noise_std,
                                      const torch::Tensor& sent, const torch::Tensor& alpha,
                                      const AlphaUpdate& reading);

}  // namespace archleak::attacks
