#pragma once
#include <cstdint>

#include "core/config.h"

namespace archleak {

/// What a client sends.
enum class Protocol {
  gradient,      ///< gradients of weights (unless withheld) and alpha, per step (FedSGD)
  delta,         ///< weights and alpha after the local epochs minus before
  weights,       ///< weights and alpha after the local epochs (FedAvg, FedNAS)
  server_alpha,  ///< as delta, without alpha: clients train sub-networks that the server samples
};

/// As in configurations.
const char* name_of(Protocol protocol);

/// How updates travel; both give bitwise the same global model.
enum class Fidelity {
  wire,   ///< each client's update is its own message
  fused,  ///< a worker sums its clients and sends one message a round
};

/// What batch normalisation is by, and what happens to its statistics.
enum class BatchNormPolicy {
  average,  ///< sent with the weights; the global model takes their mean
  local,    ///< each client keeps its own; never on the wire
  batch,    ///< always those of the batch at hand; none are kept
  group,    ///< group normalisation instead: each example by itself, without statistics
};

/// As in configurations.
const char* name_of(BatchNormPolicy policy);

/// What an update counts in the mean.
enum class Weighting {
  samples,  ///< the client's number of training examples
  uniform,  ///< 1
};

/// What coordinator and workers must agree on about updates.
struct ProtocolOptions {
  Protocol protocol = Protocol::weights;
  bool withhold_weights = false;  ///< send alpha alone
  BatchNormPolicy batch_norm = BatchNormPolicy::average;
  Fidelity fidelity = Fidelity::wire;
  Weighting weighting = Weighting::samples;
  int scale_bits = 32;                  ///< fixed-point scale of the sums: steps of 2^-scale_bits
  bool secure_aggregation = false;      ///< updates are masked; the coordinator learns their sum alone
  double secure_threshold = 2.0 / 3.0;  ///< share of a round's clients that it takes to unmask, rounded up
};

/// Keys `protocol`, `withhold_weights`, `batch_norm`, `fidelity`, `weighting`, `scale_bits`, `secure_aggregation` and
/// `secure_threshold`. Throws ConfigError, also when withheld weights leave nothing to send, and for secure aggregation
/// of what is not a sum of single updates.
void describe(ConfigSection section, ProtocolOptions& options);

/// What an update of `samples` training examples counts in the mean.
int64_t update_weight(Weighting weighting, int64_t samples);

/// How many floats of each segment an update holds, in the arena's order `[weights | alpha | buffers]`; 0: not sent.
///
/// Weights and alpha are gradients, differences or values as the protocol says. Buffers (batch-norm statistics) are
/// always the client's values, never differences.
struct UpdateLayout {
  int64_t weights = 0;
  int64_t alpha = 0;
  int64_t buffers = 0;
  int64_t trained() const { return weights + alpha; }
  int64_t size() const { return weights + alpha + buffers; }
};

/// What the coordinator sends of a model: all that clients need, so no alpha under server_alpha, and batch-norm
/// statistics only where they are averaged.
UpdateLayout broadcast_layout(const ProtocolOptions& options, int64_t weights, int64_t alpha, int64_t buffers);

/// The update of a model with that many floats in each segment. Throws ConfigError if it would hold neither weights nor
/// alpha.
UpdateLayout update_layout(const ProtocolOptions& options, int64_t weights, int64_t alpha, int64_t buffers);

}  // namespace archleak
