#pragma once
#include <torch/torch.h>

#include "core/random.h"

namespace archleak {

/// A CPU tensor generator for the stream `key`; pass it to every torch call that draws.
at::Generator make_torch_generator(const StreamKey& key);

}  // namespace archleak
