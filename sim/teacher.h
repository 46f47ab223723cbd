#pragma once
#include <memory>

#include "client/training_data.h"
#include "sim/run_config.h"

namespace archleak::sim {

/// A student's data: `reference`, the run's own training data, with the answers of the model of the finished run in
/// `run.defense.distillation.teacher` in the place of labels, and what each client keeps of its part (client/distil.h).
/// The teacher is asked about plain images, as its own configuration normalises them, each for itself: the same bits in
/// every process on one machine.
///
/// Throws ConfigError when, as far as the two configurations tell, the reference examples may be among those that the
/// teacher was trained on, and for a teacher whose batch normalisation mixes the examples that it is asked about; as
/// load_trained_model if there is no such run.
std::shared_ptr<const client::TrainingData> distil_from_teacher(const RunConfig& run, client::TrainingData reference);

}  // namespace archleak::sim
