#include "sim/trained_model.h"

#include <spdlog/fmt/fmt.h>

#include <cstring>

#include "core/error.h"
#include "server/checkpoint.h"
#include "sim/run_directory.h"

namespace archleak::sim {

TrainedModel load_trained_model(const std::filesystem::path& directory, ExampleShape shape, int64_t classes) {
  const RunDirectory run = RunDirectory::open(directory);
  TrainedModel trained{.run = load_run_config(run.config(), {}, nullptr), .model = {}};
  trained.model = make_global_model(trained.run, shape, classes);
  const auto checkpoint =
      server::CheckpointFolder(run.checkpoints(), 1).latest(trained.model.arena.layout().fingerprint());
  if (!checkpoint || checkpoint->round < trained.run.coordinator.rounds) {
    throw CheckpointError(
        fmt::format("{}: expected a run that has ended after {} rounds, got {}; continue it with "
                    "`archleak resume {}`",
                    directory.string(), trained.run.coordinator.rounds,
                    checkpoint ? fmt::format("one after {}", checkpoint->round) : "no checkpoint", directory.string()));
  }
  const auto found = checkpoint->sections.find("arena");
  auto values = trained.model.arena.floats();
  if (found == checkpoint->sections.end() || found->second.size() != values.size_bytes()) {
    throw CheckpointError(fmt::format("{}: expected {} bytes of model, got another section", run.checkpoints().string(),
                                      values.size_bytes()));
  }
  std::memcpy(values.data(), found->second.data(), values.size_bytes());
  trained.model.network->eval();
  return trained;
}

}  // namespace archleak::sim
