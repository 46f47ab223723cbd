#include "sim/setup.h"

#include <ATen/Parallel.h>
#include <spdlog/spdlog.h>

#include "client/search_workload.h"
#include "client/train_workload.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "defenses/inference_network.h"
#include "models/batch_norm.h"
#include "models/registry.h"
#include "nas/dag_network.h"
#include "sim/defense_setup.h"
#include "sim/strategy_setup.h"
#include "sim/teacher.h"

namespace archleak::sim {
namespace {

std::vector<int64_t> client_sizes(const client::TrainingData& data) {
  std::vector<int64_t> sizes;
  for (const auto& indices : data.partition) sizes.push_back(std::ssize(indices));
  return sizes;
}

client::RunSettings settings(const RunConfig& run, const client::TrainingData& data) {
  client::RunSettings settings{.seed = run.seed,
                               .rounds = run.coordinator.rounds,
                               .protocol = run.protocol,
                               .defense = update_defense(run),
                               .rewards = run.strategy.kind != nas::Strategy::enas,  // who asks in surveys
                               .input_noise = run.defense.input_noise};
  if (const auto plan = dp_sgd_plan(run, client_sizes(data))) {
    settings.dp_sgd = std::make_shared<const defenses::DpSgdPlan>(*plan);
  }
  if (run.defense.adversarial.enabled) settings.adversarial = run.defense.adversarial;
  return settings;
}

/// Normalises as the run says, before anybody uses the network. Throws ConfigError where DP-SGD could not tell the
/// examples of a batch apart.
void set_normalisation(const RunConfig& run, torch::nn::Module& network) {
  if (run.protocol.batch_norm == BatchNormPolicy::group) models::use_group_norm(network);
  if (!run.defense.dp_sgd.enabled || !models::mixes_examples(network)) return;
  throw ConfigError(
      "federation.batch_norm: expected \"group\" with defense.dp_sgd, since batch normalisation mixes the examples of "
      "a batch and none has a gradient of its own, got another; or choose a network without it (cnn, alexnet, "
      "column_fc, or space.kind = \"graph\")");
}

/// Throws ConfigError for an inference network that no client could keep.
void check_adversary(const RunConfig& run, int64_t classes) {
  if (run.defense.adversarial.enabled) defenses::check_inference_network(classes, run.defense.adversarial);
}

nas::Genotype network_genotype(const RunConfig& run) {
  if (run.network.genotype != "random") return nas::load_genotype(run.network.genotype);
  RandomEngine engine = make_engine({.seed = run.seed, .purpose = "random genotype"});
  return nas::random_genotype(run.space.steps, engine);
}

/// Auxiliary head and drop-path of a derived network, which others do not have.
client::TrainWorkload::Hooks derived_hooks(const RunConfig& run, const std::shared_ptr<nas::DerivedNetwork>& network) {
  client::TrainWorkload::Hooks hooks;
  hooks.begin_round = [network, drop_path = run.network.drop_path, rounds = run.coordinator.rounds](int64_t round) {
    network->set_drop_path(drop_path * static_cast<double>(round) / static_cast<double>(rounds));
  };
  if (run.network.derived.auxiliary) {
    hooks.loss = [network, weight = run.network.auxiliary_weight](const torch::Tensor& logits,
                                                                  const client::TrainWorkload::Criterion& criterion) {
      return criterion(logits) + weight * criterion(network->auxiliary_logits());
    };
  }
  return hooks;
}

}  // namespace

std::shared_ptr<const client::TrainingData> make_training_data(const RunConfig& run) {
  auto data = std::make_shared<client::TrainingData>();
  data->splits = data::load(run.data, run.seed);
  const auto& train = data->splits.train;
  data->partition = data::make_partition(train.labels, train.classes, run.clients, run.partition, run.seed);
  data->transform = data::make_transform(run.data, train);
  data->plain_transform = data::without_augmentation(data->transform);
  if (!run.defense.distillation.teacher.empty()) return distil_from_teacher(run, std::move(*data));
  return data;
}

std::shared_ptr<const client::TrainingData> make_training_data(const RunConfig& run, data::Dataset train) {
  auto data = std::make_shared<client::TrainingData>();
  data->partition = data::make_partition(train.labels, train.classes, run.clients, run.partition, run.seed);
  data->transform = data::make_transform(run.data, train);
  data->plain_transform = data::without_augmentation(data->transform);
  data->splits.test = {.name = "none", .shape = train.shape, .classes = train.classes};
  data->splits.train = std::move(train);
  return data;
}

GlobalModel make_global_model(const RunConfig& run, ExampleShape shape, int64_t classes) {
  const at::Generator init = make_torch_generator({.seed = run.seed, .purpose = "initial weights"});
  GlobalModel model;
  if (run.workload == WorkloadKind::search) {
    if (run.space_kind == SpaceKind::graph) {
      model.search = nas::make_dag_network(run.graph, shape, classes, init);
    } else {
      nas::SpaceOptions space = run.space;
      if (run.strategy.kind == nas::Strategy::smash) space.hypernetwork = run.strategy.smash.units;
      space.generate_by_example = run.defense.dp_sgd.enabled;
      model.search = nas::make_search_network(space, shape, classes, init);
    }
    model.network = model.search;
    set_normalisation(run, *model.network);
    model.arena = Arena::adopt(*model.search, [&](const std::string& name) { return model.search->is_alpha(name); });
    model.strategy = make_strategy(run, model.search, model.arena);
    return model;
  }
  if (run.network.name == "derived") {
    model.network =
        std::make_shared<nas::DerivedNetwork>(network_genotype(run), run.network.derived, shape, classes, init);
  } else {
    model.network = models::make_network(run.network.name, shape, classes, init);
  }
  set_normalisation(run, *model.network);
  check_adversary(run, classes);
  model.arena = Arena::adopt(*model.network);
  return model;
}

client::WorkerPlan make_worker_plan(const std::string& config) {
  const auto run = std::make_shared<const RunConfig>(parse_run_config(config, "configuration of the coordinator"));
  return plan_worker(run, make_training_data(*run));
}

client::WorkerPlan plan_worker(std::shared_ptr<const RunConfig> run, std::shared_ptr<const client::TrainingData> data) {
  // For the whole process: every slot's thread takes it over when it first computes.
  at::set_num_threads(run->workers.threads);
  client::WorkerPlan plan;
  plan.protocol = run->protocol;
  plan.seed = run->seed;
  plan.make_workload = [run, data, settings = settings(*run, *data)]() -> std::unique_ptr<client::Workload> {
    at::init_num_threads();
    GlobalModel model = make_global_model(*run, data->splits.train.shape, data->splits.train.classes);
    if (model.search) {
      return std::make_unique<client::SearchWorkload>(model.search, std::move(model.arena), data, settings,
                                                      run->training, run->search, run->architect);
    }
    client::TrainWorkload::Hooks hooks;
    if (const auto derived = std::dynamic_pointer_cast<nas::DerivedNetwork>(model.network)) {
      hooks = derived_hooks(*run, derived);
    }
    return std::make_unique<client::TrainWorkload>(model.network, std::move(model.arena), data, settings, run->training,
                                                   std::move(hooks));
  };
  return plan;
}

server::RunPlan make_run_plan(const RunConfig& run, const std::string& resolved, const client::TrainingData& data,
                              const GlobalModel& model) {
  server::RunPlan plan{.config = resolved,
                       .seed = run.seed,
                       .protocol = run.protocol,
                       .client_sizes = client_sizes(data),
                       .held_out = data.splits.test.size(),
                       .parts = {},
                       .entropy = run.space_kind == SpaceKind::darts,
                       .privacy = privacy_plan(run),
                       .dp_sgd = dp_sgd_plan(run, client_sizes(data)),
                       .strategy = model.strategy};
  for (const auto& entry : model.arena.layout().entries) {
    const auto place = model.search ? model.search->place(entry.name) : std::nullopt;
    if (place) plan.parts.push_back({entry.offset, entry.size, place->row, place->operation});
  }
  return plan;
}

std::optional<nas::Genotype> derive_genotype(const RunConfig& run, const GlobalModel& model) {
  if (!model.search || run.space_kind != SpaceKind::darts) return std::nullopt;
  if (auto found = model.strategy ? model.strategy->genotype() : std::nullopt) return found;
  const auto tables = model.search->probabilities();
  const auto rows = [](const torch::Tensor& table) {
    const torch::Tensor wide = table.to(torch::kFloat64).contiguous();
    std::vector<std::vector<double>> values;
    for (int64_t row = 0; row < wide.size(0); ++row) {
      const double* first = wide[row].data_ptr<double>();
      values.emplace_back(first, first + wide.size(1));
    }
    return values;
  };
  return nas::derive(rows(tables.at(0)), rows(tables.at(1)), run.space.steps, run.space.multiplier);
}

}  // namespace archleak::sim
