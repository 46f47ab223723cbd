#pragma once
#include <torch/torch.h>

#include <functional>
#include <vector>

namespace archleak::defenses {

/// What is known of a batch after its clipped gradients were summed.
struct ClippedBatch {
  torch::Tensor losses;  ///< `[batch]`
  torch::Tensor norms;   ///< `[batch]`: of each example's gradient over all parameters, before clipping
};

/// Adds the sum over a batch of each example's gradient, clipped to the L2 norm `clip`, to the parameters' `grad()`.
///
/// `losses` runs the forward pass and gives each example's loss `[batch]`; example i's must depend on example i alone,
/// so batch normalisation is not for this. `parameters` are all that the gradient is taken of; each is used by at most
/// one layer, once. There is no pass an example: one forward and one backward pass without the parameters' gradients,
/// and what LayerGradient takes from the layers' inputs and output gradients (Li, Tramer, Liang, Hashimoto, "Large
/// Language Models Can Be Strong Differentially Private Learners", 2022; Bu et al., "Differentially Private
/// Optimization on Large Model at Small Cost", 2023, book-keeping). Throws Error, naming the parameter, for one that is
/// used twice or by something other than LayerTape knows.
ClippedBatch add_clipped_gradients(const std::function<torch::Tensor()>& losses,
                                   const std::vector<torch::Tensor>& parameters, double clip);

/// The factors `[batch]` that bring gradients of these norms `[batch]` down to at most `clip`, rounding included.
torch::Tensor clip_factors(const torch::Tensor& norms, double clip);

}  // namespace archleak::defenses
