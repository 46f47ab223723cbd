#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "nas/search_network.h"

namespace archleak::attacks {

/// What a first-order attack makes small. d is the candidate's gradient minus the observed one, over all parameters
/// that were observed.
enum class GradientObjective {
  cosine,  ///< one minus the cosine of the two (Geiping et al. 2020)
  l2,      ///< |d|^2 / |observed|^2 (Zhu et al. 2019, up to the scale)
  l1,      ///< |d|_1 / |observed|_1
};

/// The published denoising: pixels above kappa = 245 of 255 become 0. It takes true strokes away, too.
inline constexpr double kDenoiseAbove = 245.0 / 255;

struct FirstOrderOptions {
  enum class Step { adam, lbfgs };
  GradientObjective objective = GradientObjective::cosine;
  Step step = Step::adam;
  int64_t iterations = 300;  ///< gradient evaluations
  double lr = 0.1;  ///< adam: falls tenfold after 3/8, 5/8 and 7/8 of the iterations; lbfgs: of its line search
  bool signed_gradient = true;    ///< adam: steps by the gradient's signs
  double total_variation = 1e-2;  ///< weight of the mean absolute difference of neighbours
  bool joint_labels = false;      ///< optimise soft labels too; the labels given are then not read
  double denoise_above = 0;       ///< after every iteration, pixels above it become 0; 0: off
  int64_t restarts = 1;           ///< attempts from other noise, of which that with the smallest objective is kept
  std::vector<double> shares;     ///< of the images in the gradient, of sum one; empty: all the same
  torch::Tensor mean, deviation;  ///< `[channels, height, width]`: the network's input is (pixel - mean) / deviation;
                                  ///< undefined: the pixels themselves
};

/// The published attacks by name.
enum class FirstOrderMethod {
  adam_cosine,  ///< Geiping et al. 2020
  adam_l2,
  adam_l1,
  lbfgs,  ///< L2: Zhu et al. 2019
};

/// Options with the method's objective, step and learning rate.
FirstOrderOptions recommended_first_order(FirstOrderMethod method);

struct FirstOrderResult {
  torch::Tensor images;         ///< pixels `[batch, channels, height, width]`, within [0, 1]
  std::vector<int64_t> labels;  ///< as known, or the largest soft label
  double objective = 0;         ///< of what is returned, total variation left out; infinite if it was never finite
};

/// The classic attack: moves images until their gradient is the observed one (Zhu, Liu, Han 2019; Geiping et al. 2020).
///
/// `parameters` are those of `network` whose gradient was `observed`, in the same order: alpha, or alpha and weights.
/// Any search network will do whose execution is plain (it is differentiated twice). Pixels start from
/// N(0.5, 0.25), and candidates are kept within [0, 1]. Deterministic in `generator`. Throws Error for gradients of
/// other shapes, for another number of shares, and for a network that can be differentiated once alone.
FirstOrderResult match_gradients(nas::SearchNetwork& network, const std::vector<torch::Tensor>& parameters,
                                 const std::vector<torch::Tensor>& observed, torch::IntArrayRef image_shape,
                                 const std::vector<int64_t>& labels, int64_t classes, const FirstOrderOptions& options,
                                 at::Generator generator);

/// iDLG: the label of a single image from the gradient `[classes]` of the classifier's bias, which is softmax minus the
/// label: the only negative entry (Zhao, Mopuri, Bilen 2020).
int64_t label_from_head_gradient(const torch::Tensor& gradient);

}  // namespace archleak::attacks
