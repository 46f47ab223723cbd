#pragma once
#include <torch/torch.h>

#include "attacks/reconstruction/dag_point.h"

namespace archleak::attacks {

/// The gradient with respect to alpha and how it changes with the image.
struct AlphaLinearisation {
  torch::Tensor gradient;  ///< `[alphas]`, connections first, then operations cell by cell
  torch::Tensor jacobian;  ///< `[alphas, directions]`
  double loss;
};

/// The exact differential of a graph's alpha gradient at `image` `[pixels]` along the columns of `directions`
/// `[pixels, directions]`; undefined: along every pixel. On the CPU, in float64; with the `rough` weights, those of
/// `weights` in float, the differential is computed in float32, in about half the time, and the gradient in float64 all
/// the same. Where max pooling or an activation has a
/// kink, it is that of the branch that the image is on.
///
/// Tangents of features and adjoints pass through the graph in blocks of kLanes<Real> directions, side by side on
/// torch's threads; a cell's linear operations are one stencil, and all products with many terms are matrix products.
/// The result does not depend on the number of threads.
AlphaLinearisation linearise_alpha_gradient(const DagWeights& weights, const torch::Tensor& image, int64_t label,
                                            const torch::Tensor& directions = {},
                                            const BasicDagWeights<float>* rough = nullptr);

}  // namespace archleak::attacks
