#pragma once
#include <torch/torch.h>

#include "attacks/reconstruction/alpha_observation.h"
#include "attacks/reconstruction/gaussian_prior.h"

namespace archleak::attacks {

struct LevenbergMarquardtOptions {
  int64_t iterations = 10;
  int64_t components = 1 << 20;  ///< of the prior that move; at most all
  double row_floor = 0.1;        ///< rows are scaled to length one, but none by more than 1 / (floor * mean length)
  double largest_damping = 1;    ///< relative to the largest squared singular value
  double smallest_damping = 1e-14;
  int64_t dampings = 15;    ///< how many are tried at each iteration, evenly spaced in their logarithms
  double tolerance = 1e-4;  ///< stops when the residual falls by less than this part of itself
};

struct LeastSquaresFit {
  torch::Tensor coordinates;      ///< in those of the prior, `[components]`
  std::vector<double> residuals;  ///< length of the weighted residual before each iteration, then after the last
};

/// Fits the observation in least squares from `start` (coordinates of the prior, `[components]`).
///
/// Steps are Levenberg and Marquardt's in the prior's coordinates, so that damping holds back what the prior thinks
/// unlikely. Each iteration factors the normal equations once and tries many dampings over all their orders of
/// magnitude, each as a step from here and as the prior's own fit (which also pulls towards its mean), and moves to the
/// image with the smallest residual; it ends early where the differential vanishes or is not finite. For graphs without
/// max pooling.
LeastSquaresFit levenberg_marquardt(const AlphaObservation& observation, const GaussianPrior& prior,
                                    const torch::Tensor& start, const LevenbergMarquardtOptions& options);

}  // namespace archleak::attacks
