#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "core/config.h"
#include "core/shape.h"
#include "models/network.h"
#include "nas/genotype.h"

namespace archleak::nas {

/// The size of a network that is built from a genotype. The defaults are those of DARTS on CIFAR-10.
struct DerivedOptions {
  int64_t channels = 36;   ///< of a node before the first reduction
  int64_t layers = 20;     ///< cells; those at one third and two thirds are reductions
  bool auxiliary = false;  ///< a second classifier at two thirds of the depth, for training
};

void describe(ConfigSection section, DerivedOptions& options);

class DerivedCell;
class AuxiliaryHead;

/// The network that DARTS evaluates (Liu et al. 2019, section 3.2): a stem of three times `channels`, the cells of a
/// genotype, and a linear classifier on their mean. Names of parameters and buffers are the original's
/// ("cells.0._ops.0.op.1.weight"), so that its trained weights load by name. On images of 32x32 its values are, too; at
/// other sizes the auxiliary head's pooling scales with the features, and reductions round odd sides up.
class DerivedNetwork : public models::Network {
 public:
  /// Weights are drawn from `init`. Throws DataError for a genotype that does not validate; ConfigError for images with
  /// a side below 8, fewer than two classes, or less than one channel or layer.
  DerivedNetwork(const Genotype& genotype, const DerivedOptions& options, ExampleShape shape, int64_t classes,
                 const at::Generator& init);

  torch::Tensor forward(const torch::Tensor& images) override;

  /// The second classifier's logits `[batch, classes]` of the last forward, which must have been in training mode; the
  /// original adds 0.4 times their loss. Throws Error when there are none.
  const torch::Tensor& auxiliary_logits() const;

  /// The probability, in [0, 1), with which training drops an operation's result, for each example and edge anew,
  /// except on identity edges; zero at first. Draws come from `set_generator`'s. Throws ConfigError outside of the
  /// range.
  void set_drop_path(double probability);

 private:
  torch::nn::Sequential stem_{nullptr};
  std::vector<std::shared_ptr<DerivedCell>> cells_;
  int64_t auxiliary_cell_;
  std::shared_ptr<AuxiliaryHead> auxiliary_head_;
  torch::nn::Linear classifier_{nullptr};
  torch::Tensor auxiliary_logits_;
  double drop_path_ = 0;
};

}  // namespace archleak::nas
