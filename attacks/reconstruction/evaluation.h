#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/shape.h"

namespace archleak::attacks {

/// An independent classifier: probabilities `[images, classes]` of images `[images, pixels]` with values in [0, 1].
using Recogniser = std::function<torch::Tensor(const torch::Tensor& images)>;

/// When a reconstruction counts.
struct SuccessOptions {
  double similarity = 0.3;   ///< at least so much structural similarity, to be recognised
  double probability = 0.5;  ///< and at least so much for the true class
};

/// How near one reconstruction came. Never seen by an attack.
struct Verdict {
  double mse = 0;  ///< in [0, 1]
  double psnr = 0;
  double ssim = 0;
  double correlation = 0;
  std::optional<double> probability;  ///< of the true class; nothing without a recogniser
  int64_t nearer = 0;                 ///< of the other images, how many are at least as similar as the original
  bool recognised = false;            ///< similar enough, and the recogniser sees the true class
  bool identified = false;            ///< none of the others is nearer
  bool success() const { return recognised && identified; }
};

/// Throws DataError for images that are too small to be judged (kSmallestSide in image_metrics.h).
void expect_large_enough(ExampleShape shape);

/// Judges a reconstruction `[pixels]` (clamped to [0, 1] first). `others` `[images, pixels]` are images of the same
/// class that were not attacked. Without a recogniser, being similar enough is being recognised.
Verdict judge(const torch::Tensor& image, const torch::Tensor& original, const torch::Tensor& others,
              ExampleShape shape, int64_t label, const Recogniser& recogniser, const SuccessOptions& options = {});

/// Which original `[originals, pixels]` each reconstruction is set beside: the one-to-one assignment with the smallest
/// summed squared error (Kuhn 1955; the form by potentials, cubic in the batch). Throws Error unless the sizes agree.
std::vector<int64_t> assign_to_originals(const torch::Tensor& images, const torch::Tensor& originals);

}  // namespace archleak::attacks
