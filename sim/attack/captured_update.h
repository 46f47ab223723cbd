#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <string>

#include "attacks/eavesdropper/observation.h"
#include "attacks/reconstruction/alpha_update.h"
#include "sim/setup.h"

namespace archleak::sim {

/// Where the attacker has the target's weights from.
enum class WeightKnowledge {
  broadcast,     ///< the model that went by
  initial_seed,  ///< the run's seed, which went by with its configuration: right in the first round alone
  unknown,       ///< draws of its own
};

/// One client's update with the model that it started from, as an eavesdropper puts them together from a capture.
struct CapturedUpdate {
  int64_t round = 0;
  int64_t client = 0;
  GlobalModel target;      ///< as the attacker knows it
  torch::Tensor alpha;     ///< its architecture parameters, `[alphas]` float64
  torch::Tensor gradient;  ///< read from the update (attacks/reconstruction/alpha_update.h), `[alphas]` float64
  bool signs = false;      ///< a step of Adam: only the signs of the gradient + `offset` are known
  bool shortened = false;  ///< clipping may have: only the direction of the gradient + `offset` is known
  torch::Tensor offset;    ///< weight decay and an L2 term on alpha, `[alphas]`; undefined where values are known
  torch::Tensor noise;     ///< that the run's defence is expected to leave in the gradient, deviations `[alphas]`;
                           ///< undefined without one and for signs
  std::string unreadable;  ///< why the gradient could not be read from the update; empty if it was
  int64_t steps = 1;       ///< architecture steps behind it
  int64_t images = 1;      ///< examples behind it: batch by batch, if no example comes twice
};

/// Puts `seen` together with its round's model. `run` is the configuration that went by; `shape` and `classes` are
/// those of its data; `seed` is of weights that the attacker draws. Alpha is the broadcast's first copy, whatever is
/// known of the weights, unless they come from the initial seed. An L2 term on alpha is taken off the gradient. Throws
/// DataError if the model is needed and did not go by or the sizes differ from what the configuration says.
CapturedUpdate read_captured_update(const attacks::Observation& observation, const attacks::SeenUpdate& seen,
                                    const RunConfig& run, ExampleShape shape, int64_t classes, WeightKnowledge weights,
                                    uint64_t seed);

}  // namespace archleak::sim
