#include "client/distil.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "defenses/distillation.h"

namespace archleak::client {

std::shared_ptr<const TrainingData> distil(TrainingData reference, std::span<const float> teacher_logits,
                                           const defenses::DistillationOptions& options) {
  const auto& examples = reference.splits.train;
  if (std::ssize(teacher_logits) != examples.size() * examples.classes) {
    throw DataError(fmt::format("distillation: expected the teacher's logits about {} examples of {} classes, got {}",
                                examples.size(), examples.classes, teacher_logits.size()));
  }
  const auto entropies = defenses::prediction_entropies(teacher_logits, examples.classes);
  for (auto& part : reference.partition) {
    std::vector<double> own;
    for (const int64_t index : part) own.push_back(entropies.at(index));
    std::vector<int64_t> kept;
    for (const int64_t position : defenses::lowest_entropies(own, options.entropy_quantile)) {
      kept.push_back(part[position]);
    }
    part = std::move(kept);
  }
  reference.soft_labels = {
      .probabilities = defenses::soft_labels(teacher_logits, examples.classes, options.temperature),
      .temperature = options.temperature};
  return std::make_shared<const TrainingData>(std::move(reference));
}

}  // namespace archleak::client
