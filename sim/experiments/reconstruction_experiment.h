#pragma once
#include "sim/tables/experiment.h"

namespace archleak::sim {

/// ADRA, trial by trial: a simulated client's batch of test images, its update on the wire, an attack on it, and how
/// near that came. Settings: sim/experiments/reconstruction_settings.h.
///
/// Figures are those of the batch's first image, so that trials are independent; "batch_success" is the share of the
/// whole batch. Null figures judge the reconstruction as if the victim had been another image of its class, drawn at
/// random: what the attack gives from a gradient that is not the victim's. Mean figures are those of the prior's mean,
/// without any observation.
Experiment reconstruction_experiment();

}  // namespace archleak::sim
