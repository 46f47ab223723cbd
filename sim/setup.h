#pragma once
#include <memory>
#include <optional>
#include <string>

#include "client/training_data.h"
#include "client/workload.h"
#include "core/arena.h"
#include "models/network.h"
#include "nas/genotype.h"
#include "nas/search_network.h"
#include "server/coordinator.h"
#include "sim/run_config.h"

namespace archleak::sim {

/// A network with its arena, at the run's initial weights, and the state of its search.
struct GlobalModel {
  std::shared_ptr<models::Network> network;
  std::shared_ptr<nas::SearchNetwork> search;  ///< the same, in a search run; else null
  Arena arena;
  std::shared_ptr<server::SearchStrategy> strategy;  ///< the server's part in a search; null: it has none
};

/// Loads the run's data and deals it to the clients; a student's, with what its teacher says of them (sim/teacher.h).
std::shared_ptr<const client::TrainingData> make_training_data(const RunConfig& run);

/// The same with examples at hand, all of them for training: nothing is held out.
std::shared_ptr<const client::TrainingData> make_training_data(const RunConfig& run, data::Dataset train);

/// Builds the run's network: the same bits in every process. The strategy is the coordinator's to move.
GlobalModel make_global_model(const RunConfig& run, ExampleShape shape, int64_t classes);

/// What a worker does with a resolved configuration: reads it, loads the data, and makes workloads on demand.
client::WorkerPlan make_worker_plan(const std::string& config);

/// The same with data at hand. Sets the intra-op threads of the whole process.
client::WorkerPlan plan_worker(std::shared_ptr<const RunConfig> run, std::shared_ptr<const client::TrainingData> data);

/// The coordinator's plan for the run.
server::RunPlan make_run_plan(const RunConfig& run, const std::string& resolved, const client::TrainingData& data,
                              const GlobalModel& model);

/// The genotype that the search has come to; nothing for a train run and for a graph of cells.
std::optional<nas::Genotype> derive_genotype(const RunConfig& run, const GlobalModel& model);

}  // namespace archleak::sim
