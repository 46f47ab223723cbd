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
#include "data/load.h"

namespace archleak::sim {

/// A data set in two parts: victims' images (the test split) and public ones (the train split), from which attackers
/// have their priors. Shared by the trials of a table; safe to use from several threads.
class PublicImages {
 public:
  /// The same object for the same options as long as anyone holds it.
  static std::shared_ptr<const PublicImages> load(const data::DataOptions& options);

  explicit PublicImages(const data::DataOptions& options);

  ExampleShape shape() const { return splits_.test.shape; }
  int64_t classes() const { return splits_.test.classes; }
  int64_t victims() const { return splits_.test.size(); }
  int64_t label(int64_t victim) const { return splits_.test.labels.at(victim); }

  /// A victim's image `[pixels]` in [0, 1], float64.
  torch::Tensor victim(int64_t index) const;

  /// The first `count` victims of the class other than `victim`, `[images, pixels]`; fewer if there are not so many.
  torch::Tensor same_class(int64_t victim, int64_t count) const;

  /// Mean and principal components of the class's public images.
  const attacks::GaussianPrior& prior(int64_t label) const;

  /// The classifier that a run has trained (sim/trained_model.h), with that run's input transform. Throws ConfigError
  /// if the run does not exist, saying how to make it.
  attacks::Recogniser recogniser(const std::string& run_directory) const;

 private:
  data::Splits splits_;
  mutable std::mutex mutex_;
  mutable std::map<int64_t, attacks::GaussianPrior> priors_;
  mutable std::map<std::string, attacks::Recogniser> recognisers_;
};

}  // namespace archleak::sim
