#include "models/export.h"

#include <torch/serialize.h>

#include "core/error.h"
#include "core/file.h"

namespace archleak::models {

NamedTensors named_tensors(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

void export_weights(const NamedTensors& tensors, const std::filesystem::path& file) {
  c10::Dict<std::string, torch::Tensor> state;
  for (const auto& [name, tensor] : tensors) {
    const bool counter = name.ends_with("num_batches_tracked");
    // A view would take its whole arena into the file.
    const auto copy = tensor.detach()
                          .to(torch::kCPU, counter ? torch::kInt64 : tensor.scalar_type())
                          .clone(torch::MemoryFormat::Contiguous);
    if (!state.insert(name, copy).second) {
      throw DataError("export to " + file.string() + ": expected distinct names, got '" + name + "' twice");
    }
  }
  const std::vector<char> bytes = torch::pickle_save(state);
  write_file_atomically(file, {bytes.data(), bytes.size()});
}

void export_weights(const torch::nn::Module& module, const std::filesystem::path& file) {
  export_weights(named_tensors(module), file);
}

}  // namespace archleak::models
