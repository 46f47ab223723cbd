#include "client/search_workload.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "client/client_state.h"
#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::client {
namespace {

constexpr int64_t kEvaluationBatch = 250;

OptimizerOptions weight_options(const LocalTrainingOptions& training) {
  return {.kind = OptimizerKind::sgd,
          .lr = training.lr,
          .momentum = training.momentum,
          .weight_decay = training.weight_decay};
}

OptimizerOptions alpha_options(const LocalSearchOptions& search) {
  return {.kind = search.alpha_optimizer == AlphaOptimizer::sgd ? OptimizerKind::sgd : OptimizerKind::adam,
          .lr = search.alpha_lr,
          .beta1 = search.alpha_beta1,
          .beta2 = search.alpha_beta2,
          .weight_decay = search.alpha_weight_decay};
}

nas::Batch as_nas(const data::Batch& batch) {
  return {batch.images, batch.labels};
}

}  // namespace

SearchWorkload::SearchWorkload(std::shared_ptr<nas::SearchNetwork> network, Arena arena,
                               std::shared_ptr<const TrainingData> data, const RunSettings& run,
                               const LocalTrainingOptions& training, const LocalSearchOptions& search,
                               const nas::ArchitectOptions& architect)
    : ModelWorkload(network, std::move(arena), std::move(data), run, training),
      search_network_(std::move(network)),
      search_(search),
      architect_(architect),
      weight_optimizer_(weight_options(training), arena_.layout().weights),
      alpha_optimizer_(alpha_options(search), arena_.layout().alpha) {}

struct SearchWorkload::Steps {
  double weight_lr = 0;
  bool apply = true;  ///< otherwise gradients are left in the arena
  std::unique_ptr<Batches> valid;
  RandomEngine augmentation, input_noise;
  std::optional<PrivateMean> weights_mean, alpha_mean;  ///< under DP-SGD
  MeanLoss train_loss, valid_loss;
};

void SearchWorkload::architecture_step(std::span<const int64_t> train, Steps& steps) {
  const nas::Batch valid = as_nas(noisy_batch(steps.valid->next(), nullptr, steps.input_noise));
  torch::Tensor gradient = arena_.gradient(Segment::alpha);
  if (steps.alpha_mean) {
    steps.valid_loss.add(private_alpha_gradient(*search_network_, valid, gradient, *steps.alpha_mean));
  } else {
    // First order does not read the train batch.
    const nas::Batch train_batch = architect_.order == nas::ArchitectureOrder::first
                                       ? nas::Batch{}
                                       : as_nas(noisy_batch(train, nullptr, steps.input_noise));
    const nas::UnrolledStep unrolled{.lr = steps.weight_lr,
                                     .momentum = options_.momentum,
                                     .weight_decay = options_.weight_decay,
                                     .momentum_buffer = weight_optimizer_.momentum_buffer()};
    steps.valid_loss.add(
        nas::architecture_gradient(*search_network_, arena_, train_batch, valid, architect_, unrolled));
  }
  const torch::Tensor alpha = arena_.segment(Segment::alpha);
  if (search_.alpha_l2 > 0) gradient.add_(alpha, 2 * search_.alpha_l2);
  if (steps.apply) alpha_optimizer_.step(alpha, gradient);
}

void SearchWorkload::weight_step(std::span<const int64_t> train, Steps& steps) {
  const data::Batch examples = noisy_batch(train, &steps.augmentation, steps.input_noise);
  torch::Tensor gradient = arena_.gradient(Segment::weights);
  if (steps.weights_mean) {
    const auto losses = [&] {
      return torch::cross_entropy_loss(network_->forward(examples.images), examples.labels, {}, at::Reduction::None);
    };
    steps.train_loss.add(
        private_weight_gradient(losses, examples.labels.size(0), weights_, gradient, *steps.weights_mean));
  } else {
    steps.train_loss.add(nas::weight_gradient(*search_network_, arena_, as_nas(examples)));
  }
  shape_weight_gradient();
  if (steps.apply) weight_optimizer_.step(arena_.segment(Segment::weights), gradient, steps.weight_lr);
}

double SearchWorkload::accuracy(std::span<const int64_t> indices) {
  const torch::NoGradGuard no_grad;
  network_->eval();
  int64_t correct = 0;
  for (size_t begin = 0; begin < indices.size(); begin += kEvaluationBatch) {
    const auto part = indices.subspan(begin, std::min<size_t>(kEvaluationBatch, indices.size() - begin));
    const auto examples = batch(part, nullptr);
    correct += score(network_->forward(examples.images), examples.labels).correct;
  }
  return static_cast<double>(correct) / static_cast<double>(indices.size());
}

void SearchWorkload::restore_unselected(const std::vector<int64_t>& choice) {
  for (const auto& entry : arena_.layout().entries) {
    const auto place = search_network_->place(entry.name);
    if (place && choice.at(place->row) != place->operation) restore(entry);
  }
}

ClientOutcome SearchWorkload::train(const ClientTask& task, std::span<float> update) {
  ClientState state = ClientState::decode(task.state);
  reset(state.buffers);
  weight_optimizer_.reset();
  alpha_optimizer_.reset();
  if (!state.weight_optimizer.empty()) weight_optimizer_.load(state.weight_optimizer);
  if (!state.alpha_optimizer.empty()) alpha_optimizer_.load(state.alpha_optimizer);

  const LocalSplit split = split_locally(data_->partition.at(task.client), search_.valid_share, run_.seed, task.client);
  const auto stream = [&](std::string_view purpose) {
    return StreamKey{.seed = run_.seed, .round = task.round, .client = task.client, .purpose = purpose};
  };
  const auto batches = make_batches(run_.sampling(), split.train, options_.batch_size, stream("train order"));
  Steps steps{
      .weight_lr = lr(task.round),
      .apply = run_.protocol.protocol != Protocol::gradient,
      .valid = validation_batches(run_.sampling(), split, options_.batch_size, run_.seed, task.round, task.client),
      .augmentation = make_engine(stream("augmentation")),
      .input_noise = make_engine(stream("input noise"))};
  if (run_.dp_sgd) {
    steps.weights_mean = private_mean(task, run_.dp_sgd->weights, std::ssize(split.train), "dp-sgd weights");
    steps.alpha_mean = private_mean(task, run_.dp_sgd->alpha, std::ssize(split.valid), "dp-sgd alpha");
  }
  network_->set_generator(make_torch_generator(stream("network")));
  network_->train();

  const bool sampled = run_.protocol.protocol == Protocol::server_alpha;
  const auto choice = sampled ? decode_choice(task.instruction) : std::vector<int64_t>{};
  search_network_->select(choice);
  const bool search_now = !sampled && task.round >= search_.warmup_rounds;
  const int64_t count =
      local_steps(options_, run_.protocol.protocol, batches_in_pass(std::ssize(split.train), options_.batch_size));
  for (int64_t step = 0; step < count; ++step) {
    task.check();
    const auto train = batches->next();
    if (search_now) architecture_step(train, steps);
    weight_step(train, steps);
  }

  ClientOutcome outcome{
      .weight = static_cast<int64_t>(split.train.size() + split.valid.size()), .figures = {}, .state = {}};
  outcome.figures.push_back({"steps", static_cast<double>(count)});
  outcome.figures.push_back({"train_loss", steps.train_loss.value()});
  if (search_now) outcome.figures.push_back({"valid_loss", steps.valid_loss.value()});
  if (sampled) {
    outcome.figures.push_back({"reward", accuracy(split.valid)});
    search_network_->select({});
    restore_unselected(choice);
  }
  write_update(task, state.residual, update);

  state = ClientState{.residual = std::move(state.residual)};
  if (options_.carry_optimizer) {
    state.weight_optimizer = weight_optimizer_.save();
    state.alpha_optimizer = alpha_optimizer_.save();
  }
  if (run_.protocol.batch_norm == BatchNormPolicy::local) state.buffers = local_buffers();
  outcome.state = state.encode();
  return outcome;
}

std::unique_ptr<Batches> validation_batches(Sampling sampling, const LocalSplit& split, int64_t batch_size,
                                            uint64_t seed, int64_t round, int64_t client) {
  return make_batches(sampling, split.valid, batch_size,
                      {.seed = seed, .round = round, .client = client, .purpose = "valid order"});
}

std::string encode_choice(const std::vector<int64_t>& choice) {
  return {choice.begin(), choice.end()};
}

std::vector<int64_t> decode_choice(const std::string& text) {
  std::vector<int64_t> choice;
  for (const char byte : text) choice.push_back(static_cast<unsigned char>(byte));
  return choice;
}

}  // namespace archleak::client
