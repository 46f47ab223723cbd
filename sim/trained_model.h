#pragma once
#include <filesystem>

#include "sim/setup.h"

namespace archleak::sim {

/// The global model of a finished run, for use outside of it.
struct TrainedModel {
  RunConfig run;
  GlobalModel model;  ///< in evaluation mode
};

/// Loads the newest checkpoint of the run in `directory`, whose network takes examples of `shape` in `classes` classes.
/// Throws DataError if it is no run directory, CheckpointError if it has no intact checkpoint or the run is not at its
/// end.
TrainedModel load_trained_model(const std::filesystem::path& directory, ExampleShape shape, int64_t classes);

}  // namespace archleak::sim
