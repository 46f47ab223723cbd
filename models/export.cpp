#include "models/export.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include "core/error.h"
#include "core/file.h"

namespace archleak::models {
namespace {

/// What torch::pickle_save writes, but without the type tags that only TorchScript needs and that make torch.load
/// refuse the file (weights_only, the default from 2.6 on).
std::string plain_pickle(const c10::IValue& value) {
  std::string pickled;
  torch::jit::Pickler pickler([&pickled](const char* bytes, size_t size) { pickled.append(bytes, size); }, nullptr,
                              nullptr, nullptr, nullptr, /*tag_aggregates=*/false);
  pickler.protocol();
  pickler.pushIValue(value);
  pickler.stop();
  std::string archive;
  caffe2::serialize::PyTorchStreamWriter writer([&archive](const void* bytes, size_t size) {
    archive.append(static_cast<const char*>(bytes), size);
    return size;
  });
  torch::jit::writeArchiveAndTensors("data", pickled.data(), pickled.size(), pickler.tensorData(), writer);
  writer.writeEndOfFile();
  return archive;
}

}  // namespace

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
  write_file_atomically(file, plain_pickle(state));
}

void export_weights(const torch::nn::Module& module, const std::filesystem::path& file) {
  export_weights(named_tensors(module), file);
}

}  // namespace archleak::models
