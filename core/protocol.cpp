#include "core/protocol.h"

#include "core/error.h"

namespace archleak {

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::gradient:
      return "gradient";
    case Protocol::delta:
      return "delta";
    case Protocol::weights:
      return "weights";
    case Protocol::server_alpha:
      break;
  }
  return "server_alpha";
}

const char* name_of(BatchNormPolicy policy) {
  switch (policy) {
    case BatchNormPolicy::average:
      return "average";
    case BatchNormPolicy::local:
      return "local";
    case BatchNormPolicy::batch:
      return "batch";
    case BatchNormPolicy::group:
      break;
  }
  return "group";
}

void describe(ConfigSection section, ProtocolOptions& options) {
  section.read("protocol", options.protocol,
               {{name_of(Protocol::gradient), Protocol::gradient},
                {name_of(Protocol::delta), Protocol::delta},
                {name_of(Protocol::weights), Protocol::weights},
                {name_of(Protocol::server_alpha), Protocol::server_alpha}},
               "what a client sends");
  section.read("withhold_weights", options.withhold_weights, "send alpha alone");
  section.read(
      "batch_norm", options.batch_norm,
      {{name_of(BatchNormPolicy::average), BatchNormPolicy::average},
       {name_of(BatchNormPolicy::local), BatchNormPolicy::local},
       {name_of(BatchNormPolicy::batch), BatchNormPolicy::batch},
       {name_of(BatchNormPolicy::group), BatchNormPolicy::group}},
      "batch-norm statistics: sent and averaged, kept by each client, or always the batch's; or group norm instead");
  section.read("fidelity", options.fidelity, {{"wire", Fidelity::wire}, {"fused", Fidelity::fused}},
               "a message for each client's update, or for each worker's sum");
  section.read("weighting", options.weighting, {{"samples", Weighting::samples}, {"uniform", Weighting::uniform}},
               "what an update counts in the mean");
  section.read("scale_bits", options.scale_bits, {.min = 8, .max = 52}, "sums are exact in steps of 2^-scale_bits");
  section.read("secure_aggregation", options.secure_aggregation,
               "updates are masked, so that the coordinator learns their sum alone");
  section.read("secure_threshold", options.secure_threshold, {.min = 1e-9, .max = 1},
               "secure aggregation: share of a round's clients that it takes to unmask the sum");
  if (options.secure_aggregation && options.fidelity == Fidelity::fused) {
    section.fail("secure_aggregation",
                 "expected fidelity \"wire\", where each client masks its own update, got \"fused\", where workers add "
                 "plain updates up");
  }
  if (options.secure_aggregation && options.protocol == Protocol::server_alpha) {
    section.fail("secure_aggregation",
                 "expected protocol \"gradient\", \"delta\" or \"weights\", got \"server_alpha\", under which "
                 "a weight that one client alone has trained is that client's in the sum, too");
  }
  if (options.withhold_weights && options.protocol == Protocol::server_alpha) {
    section.fail("withhold_weights",
                 "expected false with protocol \"server_alpha\", which sends weights alone, got true");
  }
}

int64_t update_weight(Weighting weighting, int64_t samples) {
  return weighting == Weighting::samples ? samples : 1;
}

UpdateLayout broadcast_layout(const ProtocolOptions& options, int64_t weights, int64_t alpha, int64_t buffers) {
  return {.weights = weights,
          .alpha = options.protocol == Protocol::server_alpha ? 0 : alpha,
          .buffers = options.batch_norm == BatchNormPolicy::average ? buffers : 0};
}

UpdateLayout update_layout(const ProtocolOptions& options, int64_t weights, int64_t alpha, int64_t buffers) {
  UpdateLayout layout;
  if (!options.withhold_weights) layout.weights = weights;
  if (options.protocol != Protocol::server_alpha) layout.alpha = alpha;
  if (options.batch_norm == BatchNormPolicy::average && !options.withhold_weights) layout.buffers = buffers;
  if (layout.trained() == 0) throw ConfigError("updates: expected weights or alpha to send, got neither");
  return layout;
}

}  // namespace archleak
