#include "sim/attack/truth.h"

#include <spdlog/fmt/fmt.h>

#include "client/search_workload.h"
#include "core/error.h"

namespace archleak::sim {

std::vector<int64_t> examples_behind(const RunConfig& run, const client::TrainingData& data, int64_t round,
                                     int64_t client, Segment segment, int64_t steps) {
  if (client < 0 || client >= std::ssize(data.partition)) {
    throw DataError(fmt::format("round {}: expected an update of one of {} clients, got one of client {}", round,
                                data.partition.size(), client));
  }
  const auto split = client::split_locally(data.partition.at(client), run.search.valid_share, run.seed, client);
  const auto sampling = run.defense.dp_sgd.enabled ? client::Sampling::poisson : client::Sampling::passes;
  const auto batches_of = segment == Segment::alpha ? client::validation_batches : client::training_batches;
  const auto batches = batches_of(sampling, split, run.training.batch_size, run.seed, round, client);
  std::vector<int64_t> examples;
  for (int64_t step = 0; step < steps; ++step) {
    const auto batch = batches->next();
    examples.insert(examples.end(), batch.begin(), batch.end());
  }
  return examples;
}

}  // namespace archleak::sim
