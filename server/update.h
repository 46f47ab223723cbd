#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/arena.h"
#include "core/optimizer.h"
#include "core/protocol.h"

namespace archleak::server {

/// What becomes of the batch-norm statistics that clients send.
enum class BufferPolicy {
  average,  ///< the global model takes their mean
  keep,     ///< the global model keeps its own
};

/// The server's optimizers (FedOpt, Reddi et al. 2021). Plain SGD with lr 1 is FedAvg.
struct UpdateOptions {
  OptimizerOptions weights{.lr = 1};
  OptimizerOptions alpha{.lr = 1};
  BufferPolicy buffers = BufferPolicy::average;
};

/// Sections `weights` and `alpha`, key `buffers`.
void describe(ConfigSection section, UpdateOptions& options);

/// Turns the mean of a round's updates into the next global model.
///
/// Pseudo-gradient: the mean itself (gradient), minus the mean (delta, server_alpha), global minus mean (weights). It
/// goes to two optimizers, one for the weights and one for alpha. Plain SGD (no momentum, no weight decay) with lr 1 is
/// exact: under `weights` the model becomes the mean to the bit (the values are copied, since x - (x - mean) rounds);
/// under `delta` it becomes x + mean, rounded once.
class ServerUpdate {
 public:
  /// `layout` is what updates hold (core/protocol.h); segments that it leaves out stay as they are.
  ServerUpdate(const UpdateOptions& options, Protocol protocol, const UpdateLayout& layout);

  /// Steps the model in `arena` with `mean`, `[layout.size()]`. `weights_lr` and `alpha_lr` replace the options'
  /// rates (schedules). Throws DataError, leaving the model as it was, for another length or a value that is not
  /// finite.
  void apply(Arena& arena, std::span<const float> mean, std::optional<double> weights_lr = {},
             std::optional<double> alpha_lr = {});

  /// One step on alpha alone with a gradient that the server computed itself (server_alpha); `[alpha]`.
  void step_alpha(Arena& arena, const torch::Tensor& gradient);

  /// Both optimizers' state as bytes.
  std::string save() const;

  /// Restores what `save` gave. Throws CheckpointError, leaving the state as it was.
  void load(std::string_view bytes);

 private:
  UpdateOptions options_;
  Protocol protocol_;
  UpdateLayout layout_;
  std::optional<Optimizer> weights_;  // made at the first step or load, when the sizes are known
  std::optional<Optimizer> alpha_;
};

}  // namespace archleak::server
