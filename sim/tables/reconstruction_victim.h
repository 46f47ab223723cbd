#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "attacks/reconstruction/alpha_update.h"
#include "nas/dag_network.h"
#include "sim/attack/public_images.h"
#include "sim/tables/reconstruction_settings.h"

namespace archleak::sim {

/// One simulated client's step, with all that nobody but the client and the evaluation may know.
struct Victim {
  std::vector<int64_t> indices;  ///< of its images among PublicImages's victims
  std::vector<int64_t> labels;
  torch::Tensor images;                      ///< `[batch, pixels]` in [0, 1], float64
  std::shared_ptr<nas::DagNetwork> network;  ///< as broadcast: float32
  std::vector<torch::Tensor> parameters;     ///< of the network, whose update is sent: alpha, then weights if sent
  std::vector<torch::Tensor> sent;           ///< the update of each after the defences, as it is on the wire
  attacks::AlphaUpdate reading;              ///< how the protocol says it came about
};

/// Draws a batch, a network and the client's update from `seed`: the computation of client/search_workload.h on a batch
/// at hand, then the defences and the channel.
Victim make_victim(const ReconstructionSettings& settings, const PublicImages& data, uint64_t seed);

}  // namespace archleak::sim
