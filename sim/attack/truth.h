#pragma once
#include <cstdint>
#include <vector>

#include "client/training_data.h"
#include "core/arena.h"
#include "sim/run_config.h"

namespace archleak::sim {

/// The examples (indices into the train split) on which `client` took its first `steps` steps of `round`, those of
/// alpha or of the weights, one after the other: what an evaluation holds reconstructions against. Attacks never see
/// it.
std::vector<int64_t> examples_behind(const RunConfig& run, const client::TrainingData& data, int64_t round,
                                     int64_t client, Segment segment, int64_t steps);

}  // namespace archleak::sim
