#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <mutex>

#include "attacks/reconstruction/gaussian_prior.h"
#include "data/dataset.h"
#include "data/transform.h"

namespace archleak::sim {

/// The images `[indices, pixels]` in [0, 1], float64.
torch::Tensor pixels_of(const data::Dataset& dataset, const std::vector<int64_t>& indices);

/// The examples of the class.
std::vector<int64_t> of_class(const data::Dataset& dataset, int64_t label);

/// What attackers have beside the wire: public images of the victims' kind, disjoint from theirs. Safe to use from
/// several threads.
class PublicImages {
 public:
  /// `input` is how pixels become what the attacked network takes; priors are of that.
  explicit PublicImages(data::Dataset images, const data::Transform& input = {});

  const data::Dataset& dataset() const { return images_; }
  ExampleShape shape() const { return images_.shape; }
  int64_t classes() const { return images_.classes; }

  /// Images `[images, pixels]` in [0, 1] from network inputs.
  torch::Tensor images(const torch::Tensor& inputs) const { return inputs * deviation_ + mean_; }

  /// Network inputs from images `[images, pixels]` in [0, 1].
  torch::Tensor inputs(const torch::Tensor& images) const { return (images - mean_) / deviation_; }

  /// What these take off and divide by, `[pixels]` each.
  const torch::Tensor& mean() const { return mean_; }
  const torch::Tensor& deviation() const { return deviation_; }

  /// Mean and principal components of the class's images as network inputs.
  const attacks::GaussianPrior& prior(int64_t label) const;

 private:
  data::Dataset images_;
  torch::Tensor mean_, deviation_;  // [pixels]
  mutable std::mutex mutex_;
  mutable std::map<int64_t, attacks::GaussianPrior> priors_;
};

}  // namespace archleak::sim
