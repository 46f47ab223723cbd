#pragma once
#include <torch/torch.h>

#include "attacks/reconstruction/dag_weights.h"

namespace archleak::attacks {

/// The gradient of a graph's loss with respect to alpha, for many images at once: what candidates, random restarts and
/// ensembles cost. Computed in float or double, as the weights are, on the CPU.
///
/// kLanes<Real> images go through the graph together, blocks of them side by side on torch's threads.
template <typename Real>
class AlphaGradients {
 public:
  /// `weights` must outlive this.
  explicit AlphaGradients(const BasicDagWeights<Real>& weights) : weights_(weights) {}

  /// `[images, alphas]` float64 for `images` `[images, pixels]`, each with its own loss and all of class `label`;
  /// connections first, then operations cell by cell. Throws Error for images of another size.
  torch::Tensor operator()(const torch::Tensor& images, int64_t label) const;

 private:
  const BasicDagWeights<Real>& weights_;
};

}  // namespace archleak::attacks
