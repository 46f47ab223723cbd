#pragma once
#include <cstdint>
#include <vector>

#include "client/training_data.h"
#include "sim/run_config.h"

namespace archleak::sim {

/// The examples (indices into the train split) on which `client` took its first `steps` architecture steps of `round`,
/// one after the other: what an evaluation holds reconstructions against. Attacks never see it.
std::vector<int64_t> examples_behind(const RunConfig& run, const client::TrainingData& data, int64_t round,
                                     int64_t client, int64_t steps);

}  // namespace archleak::sim
