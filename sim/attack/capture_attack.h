#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "attacks/reconstruction/reconstruct.h"
#include "sim/attack/captured_update.h"
#include "sim/attack/public_images.h"

namespace archleak::sim {

/// How an update of a capture is attacked.
struct CaptureAttackOptions {
  std::string solver = "automatic";  ///< "second_order", "cosine", "l2", "l1" or "lbfgs"; automatic: second order for
                                     ///< graphs of cells, else cosine
  int64_t iterations = 300;          ///< of first-order solvers
  int64_t restarts = 1;
  bool denoise = false;  ///< pixels above attacks::kDenoiseAbove become 0: after every iteration of a first-order
                         ///< solver, else at the end
  uint64_t seed = 1;
};

/// Why the solver of `options` cannot explain such an update; empty if it can.
std::string cannot_be_explained(const CapturedUpdate& update, const CaptureAttackOptions& options);

/// Rebuilds the images behind `update` as network inputs `[images, pixels]`. `labels` are known, one an image; none:
/// for a single image all classes are tried. Reads the update, the public images and the options, nothing else. Throws
/// ConfigError for a solver that cannot attack this network, DataError for labels of several images that are missing.
attacks::Reconstruction attack_captured_update(const CapturedUpdate& update, const std::vector<int64_t>& labels,
                                               const PublicImages& images, const CaptureAttackOptions& options);

}  // namespace archleak::sim
