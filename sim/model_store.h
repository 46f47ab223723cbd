#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/simulation.h"

namespace archleak::sim {

/// What rounds in its own way: LibTorch's version, the instruction set of our kernels, and the processor, unless the
/// environment chooses the libraries' kernels (ATEN_CPU_CAPABILITY and OPENBLAS_CORETYPE).
std::string arithmetic_in_use();

/// What the model of `run` on `data` is known by, in hexadecimal: SHA-256 over the arithmetic in use, the examples
/// themselves with who has which, and the configuration, without what of it does not change the model's bits (workers,
/// wire, log, checkpoints, where the data are, options of what is not in use).
std::string model_key(const RunConfig& run, const client::TrainingData& data);

/// The models that experiments train: each is a federated simulation (sim/simulation.h), kept in a folder under its
/// key. A model that is there is not trained again, one that was begun is continued. Whoever wants a model that another
/// thread or process is training waits for it.
class ModelStore {
 public:
  explicit ModelStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The model of `run` on `data`, in evaluation mode; nothing when `stop` was set before its end. Throws what a
  /// simulation throws.
  std::optional<GlobalModel> model(const RunConfig& run, const std::shared_ptr<const client::TrainingData>& data,
                                   const std::atomic<bool>& stop) const;

  /// That model's logits `[examples, classes]` about `examples`, finite; kept beside it. Throws DataError where some
  /// are not finite.
  std::optional<std::vector<float>> answers(const RunConfig& run,
                                            const std::shared_ptr<const client::TrainingData>& data,
                                            const data::Dataset& examples, const std::atomic<bool>& stop) const;

  /// The logits about `examples` of a student of that model, which is trained by `run`, too, on `reference` alone
  /// (client/distil.h).
  std::optional<std::vector<float>> student_answers(const RunConfig& run,
                                                    const std::shared_ptr<const client::TrainingData>& data,
                                                    const data::Dataset& reference, const data::Dataset& examples,
                                                    const std::atomic<bool>& stop) const;

 private:
  std::filesystem::path folder_;
};

/// `data` with `reference` dealt to its clients in turn, as examples that nobody is trained on: an adversary's
/// non-members (client/training_data.h, split_members).
std::shared_ptr<const client::TrainingData> with_reference(const client::TrainingData& data,
                                                           const data::Dataset& reference);

}  // namespace archleak::sim
