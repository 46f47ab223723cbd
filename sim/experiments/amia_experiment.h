#pragma once
#include "sim/tables/experiment.h"

namespace archleak::sim {

/// The experiment "amia": membership inference from a searched architecture. A trial searches and trains a target and a
/// shadow by federated simulations, teaches a network on the shadow's answers who was a member, and asks it about the
/// target. Members are the architecture's part (figures without a prefix) or, set beside it, the weights' part
/// ("weights_..."); non-members are examples that nobody has seen. Beside the network, the threshold on modified
/// entropy by class ("threshold_...") attacks with the same shadow, and with several shadows offline LiRA and RMIA
/// ("lira_...", "rmia_..."). "paper_..." is the network of the epoch that is best on the target, as published code
/// often reports it; all others are of the last.
Experiment amia_experiment();

}  // namespace archleak::sim
