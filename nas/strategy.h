#pragma once
#include <cstdint>

#include "core/config.h"
#include "nas/progressive.h"

namespace archleak::nas {

/// How an architecture is searched in the cell space of DARTS.
enum class Strategy {
  darts,   ///< architecture parameters, by gradients (Liu et al. 2019) or, under server_alpha, by rewards
  pdarts,  ///< the same in stages of fewer operations and more cells (Chen et al. 2019)
  enas,    ///< an LSTM on the server draws sub-networks and learns from their rewards (Pham et al. 2018)
  smash,   ///< a hypernetwork generates weights for any sub-network; the best one is kept (Brock et al. 2018)
};

/// The controller of ENAS (nas/enas_controller.h) and what it asks clients for.
struct EnasOptions {
  double controller_lr = 3.5e-3;
  double entropy_weight = 1e-4;  ///< of a sample's entropy in its reward
  int64_t controller_steps = 5;  ///< steps of REINFORCE after each round's training
  int64_t samples = 2;           ///< sub-networks that a client tries for one such step
  int64_t candidates = 10;       ///< sub-networks that all clients try in the end; the best one is the result
};

/// The hypernetwork of SMASH (`SpaceOptions::hypernetwork`) and what clients are asked in the end.
struct SmashOptions {
  int64_t units = 16;      ///< of the hypernetwork's hidden layer
  int64_t random = 40;     ///< random sub-networks that all clients try; the original has 500
  int64_t perturbed = 20;  ///< then so many neighbours of the best one; the original has 200, in two ways
};

struct StrategyOptions {
  Strategy kind = Strategy::darts;
  EnasOptions enas;
  ProgressiveOptions pdarts;
  SmashOptions smash;
};

/// As in configurations.
const char* name_of(Strategy strategy);

/// Key `strategy` and a section for each strategy that has options.
void describe(ConfigSection section, StrategyOptions& options);

}  // namespace archleak::nas
