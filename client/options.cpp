#include "client/options.h"

#include <algorithm>

namespace archleak::client {

void describe(ConfigSection section, LocalTrainingOptions& options) {
  section.read("epochs", options.epochs, {.min = 1, .max = 1e6}, "local epochs a round");
  section.read("max_steps", options.max_steps, {.min = 0}, "at most so many local steps a round; 0: no limit");
  section.read("batch_size", options.batch_size, {.min = 1, .max = 65536}, "examples a step");
  section.read("lr", options.lr, {.min = 0}, "learning rate of the weights at the first round");
  section.read("lr_min", options.lr_min, {.min = 0}, "learning rate of the weights at the last round (cosine)");
  section.read("momentum", options.momentum, {.min = 0, .max = 1}, "momentum of the weights");
  section.read("weight_decay", options.weight_decay, {.min = 0}, "weight decay of the weights");
  section.read("clip_norm", options.clip_norm, {.min = 0},
               "largest gradient norm of the weights; 0: no clipping; unused under DP-SGD");
  section.read("fedprox_mu", options.fedprox_mu, {.min = 0}, "FedProx: pull towards the global weights");
  section.read("carry_optimizer", options.carry_optimizer, "a client keeps its optimizer state between rounds");
}

int64_t local_steps(const LocalTrainingOptions& options, Protocol protocol, int64_t batches) {
  if (protocol == Protocol::gradient) return 1;
  const int64_t steps = options.epochs * batches;
  return options.max_steps > 0 ? std::min(steps, options.max_steps) : steps;
}

void describe(ConfigSection section, LocalSearchOptions& options) {
  section.read("valid_share", options.valid_share, {.min = 0.01, .max = 0.99},
               "part of local data that alpha is fitted on");
  section.read("alpha_optimizer", options.alpha_optimizer,
               {{"adam", AlphaOptimizer::adam}, {"sgd", AlphaOptimizer::sgd}}, "step rule of alpha");
  section.read("alpha_lr", options.alpha_lr, {.min = 0}, "learning rate of alpha");
  section.read("alpha_beta1", options.alpha_beta1, {.min = 0, .max = 0.9999}, "Adam's first decay for alpha");
  section.read("alpha_beta2", options.alpha_beta2, {.min = 0, .max = 0.9999999}, "Adam's second decay for alpha");
  section.read("alpha_weight_decay", options.alpha_weight_decay, {.min = 0}, "weight decay of alpha");
  section.read("alpha_clip_norm", options.alpha_clip_norm, {.min = 0},
               "largest norm of the gradient of alpha; 0: no clipping");
  section.read("alpha_l2", options.alpha_l2, {.min = 0}, "the validation loss has this times the sum of alpha^2 added");
  section.read("warmup_rounds", options.warmup_rounds, {.min = 0},
               "rounds in which only the weights are trained; of each stage under pdarts");
}

}  // namespace archleak::client
