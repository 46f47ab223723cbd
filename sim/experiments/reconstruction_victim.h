#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "attacks/reconstruction/alpha_update.h"
#include "nas/dag_network.h"
#include "sim/attack/victim_images.h"
#include "sim/experiments/reconstruction_settings.h"

namespace archleak::sim {

/// What of a client's step goes over the wire, and how the protocol says that it came about.
struct WireUpdate {
  std::shared_ptr<nas::DagNetwork> network;  ///< as broadcast: float32
  std::vector<torch::Tensor> parameters;     ///< of the network, whose update is sent: weights if sent, then alpha
  std::vector<torch::Tensor> sent;           ///< the update of each after the defences
  attacks::AlphaUpdate reading;
};

/// One simulated client's step: the wire, and what the client and the evaluation alone know.
struct Victim {
  WireUpdate wire;
  std::vector<int64_t> indices;  ///< of its images
  std::vector<int64_t> labels;
  torch::Tensor images;  ///< `[batch, pixels]` in [0, 1], float64
};

/// Draws a batch, a network and the client's update from `seed`: the computation of client/search_workload.h on a batch
/// at hand, then the defences and the channel. `classes` are those of the data.
Victim make_victim(const ReconstructionSettings& settings, const VictimImages& images, int64_t classes, uint64_t seed);

}  // namespace archleak::sim
