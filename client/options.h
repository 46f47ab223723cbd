#pragma once
#include <cstdint>

#include "core/config.h"
#include "core/protocol.h"

namespace archleak::client {

/// How a client trains weights locally; the defaults are those of DARTS (Liu et al. 2019).
struct LocalTrainingOptions {
  int64_t epochs = 1;     ///< local epochs a round; the gradient protocol takes one step instead
  int64_t max_steps = 0;  ///< at most so many steps a round; 0: no limit
  int64_t batch_size = 64;
  double lr = 0.025;      ///< of the weights, at the first round
  double lr_min = 0.001;  ///< at the last round; cosine in between
  double momentum = 0.9;
  double weight_decay = 3e-4;
  double clip_norm = 5;          ///< gradient norm of the weights; 0: no clipping; not under DP-SGD, which clips itself
  double fedprox_mu = 0;         ///< weight of mu/2 |w - w_global|^2 (Li et al. 2020)
  bool carry_optimizer = false;  ///< a client keeps its optimizer state from round to round
};
void describe(ConfigSection section, LocalTrainingOptions& options);

/// Steps of one client in one round, whose part has `batches` batches in a pass.
int64_t local_steps(const LocalTrainingOptions& options, Protocol protocol, int64_t batches);

enum class AlphaOptimizer {
  adam,  ///< as in DARTS
  sgd,   ///< without momentum
};

/// How a client searches: the architecture step.
struct LocalSearchOptions {
  double valid_share = 0.5;  ///< part of a client's data that alpha is fitted on
  AlphaOptimizer alpha_optimizer = AlphaOptimizer::adam;
  double alpha_lr = 3e-4;
  double alpha_beta1 = 0.5;
  double alpha_beta2 = 0.999;
  double alpha_weight_decay = 1e-3;
  double alpha_clip_norm = 0;  ///< largest norm of alpha's gradient; 0: no clipping
  double alpha_l2 = 0;  ///< the validation loss has this times the sum of alpha^2 added (unlike weight decay, Adam
                        ///< scales it)
  int64_t warmup_rounds = 0;  ///< rounds in which only the weights are trained; P-DARTS: of each stage
};
void describe(ConfigSection section, LocalSearchOptions& options);

}  // namespace archleak::client
