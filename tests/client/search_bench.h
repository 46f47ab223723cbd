#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "client/search_workload.h"
#include "core/torch_random.h"
#include "data/digits.h"
#include "data/synthetic.h"
#include "models/batch_norm.h"

namespace archleak::client::test {

/// A search over a few synthetic digits on the smallest supernet that has both kinds of cell.
struct SearchBench {
  RunSettings run{.seed = 3, .rounds = 4, .protocol = {.protocol = Protocol::weights}};
  LocalTrainingOptions training{.max_steps = 2, .batch_size = 8, .lr = 0.05};
  LocalSearchOptions search{.alpha_lr = 0.01};
  std::shared_ptr<TrainingData> data = std::make_shared<TrainingData>();

  SearchBench() {
    torch::set_num_threads(1);
    data->splits = data::draw_splits(data::digits(), 1, 60, 20);
    for (int64_t client = 0; client < 2; ++client) {
      std::vector<int64_t> indices;
      for (int64_t i = 0; i < 30; ++i) indices.push_back(client * 30 + i);
      data->partition.push_back(indices);
    }
  }

  std::unique_ptr<SearchWorkload> make() const {
    const auto network = nas::make_search_network({.channels = 2, .layers = 2, .steps = 2, .multiplier = 2},
                                                  data->splits.train.shape, 10, make_torch_generator({.seed = 1}));
    if (run.dp_sgd) models::use_group_norm(*network);
    Arena arena = Arena::adopt(*network, [&](const std::string& name) { return network->is_alpha(name); });
    layout = arena.layout();
    initial.assign(arena.floats().begin(), arena.floats().end());
    return std::make_unique<SearchWorkload>(network, std::move(arena), data, run, training, search,
                                            nas::ArchitectOptions{});
  }

  std::vector<float> message() const {
    std::vector<float> values = initial;
    if (run.protocol.protocol == Protocol::server_alpha) {
      values.erase(values.begin() + layout.weights, values.begin() + layout.weights + layout.alpha);
    }
    return values;
  }

  std::vector<float> train(SearchWorkload& workload, const ClientTask& task, ClientOutcome* outcome = nullptr) const {
    workload.load(message());
    std::vector<float> update(workload.update_size());
    const ClientOutcome result = workload.train(task, update);
    if (outcome) *outcome = result;
    return update;
  }

  std::vector<float> train(const ClientTask& task) const {
    const auto workload = make();
    return train(*workload, task);
  }

  mutable ArenaLayout layout;
  mutable std::vector<float> initial;
};

inline bool any_differs(const std::vector<float>& a, const std::vector<float>& b, int64_t begin, int64_t size) {
  return !std::equal(a.begin() + begin, a.begin() + begin + size, b.begin() + begin);
}

}  // namespace archleak::client::test
