#pragma once
#include <torch/torch.h>

#include <string>

#include "core/shape.h"
#include "sim/tables/experiment.h"

namespace archleak::sim {

/// An image `[pixels]` as it is stored and drawn, clamped to [0, 1].
Artefact image_artefact(const std::string& name, const torch::Tensor& image, ExampleShape shape);

}  // namespace archleak::sim
