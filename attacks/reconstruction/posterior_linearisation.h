#pragma once
#include <torch/torch.h>

#include <vector>

#include "attacks/reconstruction/alpha_observation.h"
#include "attacks/reconstruction/gaussian_prior.h"

namespace archleak::attacks {

/// One stage: the leading components are estimated, the others stay with the prior. Where none leads, since all have
/// the same deviation (`flat_prior`), all are estimated.
struct PosteriorStage {
  int64_t components = 100;
  int64_t iterations = 4;
};

struct PosteriorOptions {
  std::vector<PosteriorStage> stages{{.components = 60, .iterations = 1}, {.components = 100, .iterations = 4}};
  int64_t samples = 96;    ///< of the present belief, for the covariance of the linearisation's error; even
  double start = 0;        ///< what it begins with is that far from the mean, at random, in prior deviations
  double shrinkage = 0.3;  ///< in (0, 1]: of that covariance towards its diagonal
};

/// A Gaussian belief about the image after an observation.
struct Posterior {
  torch::Tensor coordinates;  ///< its mean, in those of the prior, `[components]`
  torch::Tensor spread;       ///< a root of the covariance of the components of the last stage
  double misfit = 0;  ///< of the observation before the last step: root mean square in units of the expected error
};

/// Estimates the image behind `observation` by iterated Gaussian conditioning.
///
/// Max pooling and kinks make the alpha gradient a function whose differential is right only on its branch, so a least
/// squares fit trusts rows that mislead. Here each iteration draws images from the present belief, sees by how much
/// the linearisation at its mean is wrong about them, and takes mean and covariance of that error as those of the noise
/// (Kaipio and Somersalo's approximation error; García-Fernández et al., "Posterior linearization filter", 2015, with
/// the analytic differential in place of sigma points). The belief is then the prior conditioned on the observation;
/// as it narrows, the error shrinks with it. Noise that the observation expects comes on top of it. Nothing but the
/// observation, the model and the prior is used.
///
/// An observation that the model cannot explain (noise, masks, other weights) drives the belief away: it ends where
/// figures are no longer finite, and where the last belief explains less than nothing would (`unexplained` above one),
/// and less than half of what an earlier one or the start does, the best of these is returned. Without stages, the
/// start is. Deterministic in `generator`.
Posterior linearise_posterior(const AlphaObservation& observation, const GaussianPrior& prior,
                              const PosteriorOptions& options, at::Generator generator);

}  // namespace archleak::attacks
