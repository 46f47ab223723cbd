#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/random.h"
#include "data/dataset.h"

namespace archleak::sim {

/// The clients' images: what an evaluation holds reconstructions against. Attacks never see them.
class VictimImages {
 public:
  explicit VictimImages(data::Dataset images) : images_(std::move(images)) {}

  ExampleShape shape() const { return images_.shape; }
  int64_t size() const { return images_.size(); }
  int64_t label(int64_t index) const { return images_.labels.at(index); }

  /// An image `[pixels]` in [0, 1], float64.
  torch::Tensor image(int64_t index) const;

  /// The first `count` images of the class other than `index` and `without`, `[images, pixels]`; fewer if there are not
  /// so many.
  torch::Tensor same_class(int64_t index, int64_t count, int64_t without = -1) const;

  /// Another image of the class at random; nothing if it is the only one.
  std::optional<int64_t> another(int64_t index, RandomEngine& engine) const;

 private:
  data::Dataset images_;
};

}  // namespace archleak::sim
