#pragma once
#include <memory>
#include <span>

#include "client/training_data.h"
#include "defenses/options.h"

namespace archleak::client {

/// What a student's clients share: `reference` with a teacher's answers about all of its training examples in the place
/// of labels. `teacher_logits` `[examples, classes]` are those of the plain images. Of each client's part, the
/// `entropy_quantile` that the teacher is surest of stays in the partition. `options.teacher` is not read.
///
/// The reference examples must not be among those that the teacher was trained on: nothing here can tell. Throws
/// DataError for another number of logits, and for ones that are not finite.
std::shared_ptr<const TrainingData> distil(TrainingData reference, std::span<const float> teacher_logits,
                                           const defenses::DistillationOptions& options);

}  // namespace archleak::client
