#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attacks/reconstruction/evaluation.h"
#include "attacks/reconstruction/gaussian_prior.h"
#include "data/dataset.h"
#include "data/load.h"
#include "data/transform.h"

namespace archleak::sim {

/// A data set in two disjoint parts: victims' images, and public ones from which attackers have their priors. Shared by
/// the trials of a table; safe to use from several threads.
class PublicImages {
 public:
  /// Victims are the test split, the train split is public. The same object for the same options as long as anyone
  /// holds it.
  static std::shared_ptr<const PublicImages> load(const data::DataOptions& options);

  /// `input` is how pixels become what the attacked network takes; priors are of that.
  PublicImages(data::Dataset victims, data::Dataset open, const data::Transform& input = {});

  ExampleShape shape() const { return victims_.shape; }
  int64_t classes() const { return victims_.classes; }
  int64_t victims() const { return victims_.size(); }
  int64_t label(int64_t victim) const { return victims_.labels.at(victim); }

  /// Images `[images, pixels]` in [0, 1] from network inputs.
  torch::Tensor images(const torch::Tensor& inputs) const { return inputs * deviation_ + mean_; }

  /// A victim's image `[pixels]` in [0, 1], float64.
  torch::Tensor victim(int64_t index) const;

  /// The first `count` victims of the class other than `victim`, `[images, pixels]`; fewer if there are not so many.
  torch::Tensor same_class(int64_t victim, int64_t count) const;

  /// Mean and principal components of the class's public images as network inputs.
  const attacks::GaussianPrior& prior(int64_t label) const;

  /// The classifier that a run has trained (sim/trained_model.h), with that run's input transform. Throws ConfigError
  /// if the run does not exist, saying how to make it.
  attacks::Recogniser recogniser(const std::string& run_directory) const;

 private:
  data::Dataset victims_, public_;
  torch::Tensor mean_, deviation_;  // [pixels]
  mutable std::mutex mutex_;
  mutable std::map<int64_t, attacks::GaussianPrior> priors_;
  mutable std::map<std::string, attacks::Recogniser> recognisers_;
};

}  // namespace archleak::sim
