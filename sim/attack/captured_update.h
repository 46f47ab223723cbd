#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

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
  GlobalModel target;                ///< as the attacker knows it
  Segment segment = Segment::alpha;  ///< which part of the update is read: alpha or the weights
  torch::Tensor before;              ///< the target's values of that, `[values]` float64
  torch::Tensor gradient;  ///< read from the update (attacks/reconstruction/alpha_update.h), `[values]` float64
  bool signs = false;      ///< a step of Adam: only the signs of the gradient + `offset` are known
  bool shortened = false;  ///< clipping may have: only the direction of the gradient + `offset` is known
  torch::Tensor offset;    ///< weight decay and an L2 term on alpha, `[values]`; undefined where values are known
  torch::Tensor noise;     ///< that the run's defence is expected to leave in the gradient, deviations `[values]`;
                           ///< undefined without one and for signs
  std::string unreadable;  ///< why the gradient could not be read from the update; empty if it was
  int64_t steps = 1;       ///< of the segment, behind it
  std::vector<int64_t> batches{1};  ///< examples behind each of them, if none comes twice

  /// Examples behind all of them.
  int64_t images() const;

  /// The part that each image has in the mean gradient over the steps, `[images()]`.
  std::vector<double> shares() const;
};

/// Puts `seen` together with its round's model and reads its `segment`. `run` is the configuration that went by;
/// `shape` and `classes` are those of its data; `seed` is of weights that the attacker draws. Alpha is the broadcast's
/// first copy, whatever is known of the weights, unless they come from the initial seed. An L2 term on alpha is taken
/// off the gradient. Throws DataError if the segment was not sent, if the model is needed and did not go by or the
/// sizes differ from what the configuration says.
CapturedUpdate read_captured_update(const attacks::Observation& observation, const attacks::SeenUpdate& seen,
                                    const RunConfig& run, ExampleShape shape, int64_t classes, Segment segment,
                                    WeightKnowledge weights, uint64_t seed);

}  // namespace archleak::sim
