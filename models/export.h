#pragma once
#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace archleak::models {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// The parameters and buffers of `module` under their own names, sharing memory.
NamedTensors named_tensors(const torch::nn::Module& module);

/// Writes a file that Python's `torch.load` reads, also with `weights_only`, as a dictionary of tensors, fit for
/// `load_state_dict`: each tensor on the CPU with memory of its own, and the counters called `num_batches_tracked`,
/// which are floats here, as int64. Throws DataError for a name that occurs twice, Error when the file cannot be
/// written.
void export_weights(const NamedTensors& tensors, const std::filesystem::path& file);
void export_weights(const torch::nn::Module& module, const std::filesystem::path& file);

}  // namespace archleak::models
