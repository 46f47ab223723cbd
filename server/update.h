#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/arena.h"
#include "core/optimizer.h"
#include "core/protocol.h"

namespace archleak::server {

/// The server's optimizers (FedOpt, Reddi et al. 2021). Plain SGD with lr 1 is FedAvg.
struct UpdateOptions {
  OptimizerOptions weights{.lr = 1};
  OptimizerOptions alpha{.lr = 1};
};

/// Sections `weights` and `alpha`.
void describe(ConfigSection section, UpdateOptions& options);

/// Turns the mean of a round's updates into the next global model.
///
/// Pseudo-gradient: the mean itself (gradient), minus the mean (delta, server_alpha), global minus mean (weights). It
/// goes to two optimizers, one for the weights and one for alpha. Buffers become their mean; segments that are not sent
/// stay as they are. Plain SGD (no momentum, no weight decay) with lr 1 is exact: under `weights` the model becomes the
/// mean to the bit (the values are copied, since x - (x - mean) rounds); under `delta` it becomes x + mean, rounded
/// once.
class ServerUpdate {
 public:
  /// For models of the layout `model`. Throws ConfigError as update_layout and Optimizer do.
  ServerUpdate(const UpdateOptions& options, const ProtocolOptions& protocol, const ArenaLayout& model,
               torch::TensorOptions tensor_options = torch::kFloat32);

  /// What updates hold; `mean` has its size.
  const UpdateLayout& layout() const { return layout_; }

  /// Steps the model in `arena` with `mean`, `[layout().size()]`. `weights_lr` and `alpha_lr` replace the options'
  /// rates (schedules). Throws DataError, leaving the model as it was, for another length or a value that is not
  /// finite.
  void apply(Arena& arena, std::span<const float> mean, std::optional<double> weights_lr = {},
             std::optional<double> alpha_lr = {});

  /// Both optimizers back to their start.
  void reset();

  /// Both optimizers' state as bytes.
  std::string save() const;

  /// Restores what `save` gave. Throws CheckpointError, leaving the state as it was.
  void load(std::string_view bytes);

 private:
  Protocol protocol_;
  UpdateLayout layout_;
  Optimizer weights_;
  Optimizer alpha_;
};

}  // namespace archleak::server
