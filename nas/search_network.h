#pragma once
#include <torch/torch.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/shape.h"
#include "models/network.h"
#include "nas/sub_space.h"

namespace archleak::nas {

/// A weight-sharing network whose architecture is searched: besides its weights it has architecture parameters (alpha),
/// each of which says how much of one operation one edge takes.
///
/// What a search needs to know of a space, and nothing that is particular to one.
class SearchNetwork : public models::Network {
 public:
  /// Whether the parameter of this name is an architecture parameter; what `Arena::adopt` wants to know.
  virtual bool is_alpha(const std::string& parameter_name) const = 0;

  /// The architecture parameters themselves, in the order of their registration.
  virtual std::vector<torch::Tensor> alphas() const = 0;

  /// The logits of `forward` with other architecture parameters than the network's own: shaped as `alphas()`, or with a
  /// batch dimension in front, where each example has its own. The network must not be restricted by `select`. Throws
  /// Error for a space that does not offer this.
  virtual torch::Tensor forward_with(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas);

  /// What the mixture weighs its operations with, `[edges, operations]` each, detached: the softmax of `alphas()` over
  /// operations, unless the space says otherwise.
  virtual std::vector<torch::Tensor> probabilities() const;

  /// Which row of `probabilities()` (counted through all of them) and which of its operations a weight belongs to.
  struct Place {
    int64_t row = 0;
    int64_t operation = 0;
  };

  /// The place of the parameter of this name; nothing for alpha and for weights that every sub-network has.
  virtual std::optional<Place> place(const std::string& parameter_name) const = 0;

  /// Restricts forward to one operation an edge, taken with weight one: `choice` has one operation's index for each row
  /// of `probabilities()`, one after the other. Empty: the full mixture again. Throws Error for a wrong size or index.
  virtual void select(const std::vector<int64_t>& choice) = 0;

  /// Restricts the mixture to a part of the space: other cells and operations are not computed and get no gradient, and
  /// `probabilities()` are of the operations that are left, 0 for others. A default SubSpace is the whole space again.
  /// Throws Error for a part that the space does not have; spaces other than the cell space have none.
  virtual void restrict(const SubSpace& space);

  /// Whether the network, restricted as it is, has the parameter or buffer of this name.
  virtual bool has(const std::string& name) const = 0;

  /// Draws all parameters anew, as the network's maker does, and forgets running statistics.
  virtual void draw(const at::Generator& generator) = 0;
};

/// How the mixture is computed. The results agree up to rounding.
enum class Execution {
  automatic,  ///< `fused` for dense tensors on the CPU, else `plain`
  plain,      ///< one LibTorch call an operation: any device, and differentiable twice
  fused,      ///< our kernels, cell by cell: CPU only, differentiable once
  reference,  ///< `plain` in NCHW and with a ReLU for each operation: what benchmarks compare with
};

/// The cell space of DARTS (Liu, Simonyan, Yang 2019): a stem, `layers` cells of `steps` nodes, a linear classifier.
/// The cells at one third and at two thirds of the depth halve the image and double the channels.
///
/// A shallower network is part of it (`SubSpace::layers`) if both are of at most four or of at least five cells, and
/// stem_multiplier is multiplier, so that a cell reads as many channels from the stem as from another cell; it takes
/// the first cells of each resolution.
struct SpaceOptions {
  int64_t channels = 16;
  int64_t layers = 8;
  int64_t steps = 4;            ///< inner nodes a cell
  int64_t multiplier = 4;       ///< how many of the last nodes form the cell's output
  int64_t stem_multiplier = 3;  ///< the stem has stem_multiplier * channels channels
  Execution execution = Execution::automatic;
  int64_t hypernetwork = 0;  ///< hidden units of a hypernetwork (SMASH), which makes the pointwise filters of separable
                             ///< and dilated convolutions from the selected sub-network; such a network has no alpha
                             ///< and no mixture. 0: none
  bool generate_by_example = false;  ///< while training, the hypernetwork makes each example's filters by themselves:
                                     ///< the same ones, but with a gradient for each example
};

void describe(ConfigSection section, SpaceOptions& options);

/// A DARTS supernet for images of `shape` (any size from 4x4, any number of channels). Weights are drawn from `init` as
/// torch's layers start (models/initialise.h), alpha from 1e-3 N(0, 1). Parameter and buffer names are those of the
/// original ("stem.0.weight", "cells.0._ops.0._ops.4.op.1.weight"), alpha is "alphas_normal" and "alphas_reduce".
/// Throws ConfigError for options that describe no network.
///
/// The hypernetwork (Brock et al. 2018, in its smallest form) is a perceptron of two layers. It reads the selected
/// operations, one-hot by edge, and a number z, drawn from N(0, 1) for each forward in training mode and else 0
/// ("hypernetwork.weight", "hypernetwork.bias", ReLU); its second layer is a part by filter, in the filter's place
/// (`[out * in, units]`). Each output channel's filter is scaled to length one.
std::shared_ptr<SearchNetwork> make_search_network(const SpaceOptions& options, ExampleShape shape, int64_t classes,
                                                   const at::Generator& init);

}  // namespace archleak::nas
