#pragma once
#include <vector>

#include "data/dataset.h"
#include "data/transform.h"
#include "models/network.h"

namespace archleak::sim {

/// The logits `[examples, classes]` of a network about a dataset, in batches, in the mode that it is in. Without
/// gradients.
std::vector<float> model_answers(models::Network& network, const data::Dataset& examples,
                                 const data::Transform& transform);

}  // namespace archleak::sim
