#include "client/search_workload.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "client/batch_statistics.h"
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
  if (search_.alpha_clip_norm > 0) clip_gradient_norm(gradient, search_.alpha_clip_norm);
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

int64_t SearchWorkload::correct(std::span<const int64_t> indices) {
  const torch::NoGradGuard no_grad;
  network_->eval();
  int64_t count = 0;
  for (size_t begin = 0; begin < indices.size(); begin += kEvaluationBatch) {
    const auto part = indices.subspan(begin, std::min<size_t>(kEvaluationBatch, indices.size() - begin));
    const auto examples = batch(part, nullptr);
    count += score(network_->forward(examples.images), examples.labels).correct;
  }
  return count;
}

void SearchWorkload::restore_absent(const nas::Instruction& instruction) {
  for (const auto& entry : arena_.layout().entries) {
    if (!search_network_->has(entry.name)) restore(entry.offset, entry.size);
  }
  // The alpha of an operation that is gone has no gradient, but noise.
  const auto* stage = std::get_if<nas::Stage>(&instruction);
  if (!stage || !run_.dp_sgd) return;
  int64_t alpha = arena_.layout().begin(Segment::alpha);
  for (const nas::OperationSet kept : stage->space.kept) {
    for (size_t i = 0; i < nas::kPrimitives.size(); ++i, ++alpha) {
      if (!nas::has_operation(kept, static_cast<int64_t>(i))) restore(alpha, 1);
    }
  }
}

void SearchWorkload::restrict_for_training(const nas::Instruction& instruction, int64_t round) {
  nas::Instruction now = instruction;
  if (auto* stage = std::get_if<nas::Stage>(&now)) {
    stage->space.skip_dropout = nas::skip_dropout_at(*stage, round, search_.warmup_rounds);
  }
  nas::apply(now, *search_network_);
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
  const auto batches =
      training_batches(run_.sampling(), split, options_.batch_size, run_.seed, task.round, task.client);
  const auto instruction = nas::decode_instruction(task.instruction);
  const auto* stage = std::get_if<nas::Stage>(&instruction);
  const int64_t begin = stage ? stage->first_round : 0;
  Steps steps{
      .weight_lr = lr(task.round - begin, stage ? stage->rounds : run_.rounds),
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

  restrict_for_training(instruction, task.round);
  const bool sampled = run_.protocol.protocol == Protocol::server_alpha;
  const auto* random = std::get_if<nas::RandomSubNetworks>(&instruction);
  RandomEngine sub_networks = make_engine(stream("sub-networks"));
  const bool search_now = !sampled && !random && nas::alpha_moves(task.round, begin, search_.warmup_rounds);
  const int64_t count =
      local_steps(options_, run_.protocol.protocol, batches_in_pass(std::ssize(split.train), options_.batch_size));
  for (int64_t step = 0; step < count; ++step) {
    task.check();
    const auto train = batches->next();
    if (random) nas::apply(random->next(sub_networks), *search_network_);
    if (search_now) architecture_step(train, steps);
    weight_step(train, steps);
  }

  ClientOutcome outcome{
      .weight = static_cast<int64_t>(split.train.size() + split.valid.size()), .figures = {}, .state = {}};
  outcome.figures.push_back({"steps", static_cast<double>(count)});
  outcome.figures.push_back({"train_loss", steps.train_loss.value()});
  if (search_now) outcome.figures.push_back({"valid_loss", steps.valid_loss.value()});
  if (sampled && run_.rewards) {
    outcome.figures.push_back(
        {"reward", static_cast<double>(correct(split.valid)) / static_cast<double>(split.valid.size())});
  }
  if (random) nas::apply({}, *search_network_);
  restore_absent(instruction);
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

Evaluation SearchWorkload::evaluate(int64_t first, int64_t last, const std::string& instruction) {
  nas::apply(nas::decode_instruction(instruction), *search_network_);
  return ModelWorkload::evaluate(first, last, instruction);
}

ClientOutcome SearchWorkload::survey(const ClientTask& task) {
  reset();
  const BatchStatistics statistics(*network_, run_.protocol.batch_norm == BatchNormPolicy::batch);
  const LocalSplit split = split_locally(data_->partition.at(task.client), search_.valid_share, run_.seed, task.client);
  ClientOutcome outcome{.weight = std::ssize(split.valid), .figures = {}, .state = {}};
  for (const auto& candidate : nas::decode_choices(task.instruction)) {
    task.check();
    nas::apply(candidate, *search_network_);
    outcome.figures.push_back({"correct", static_cast<double>(correct(split.valid))});
  }
  if (run_.dp_sgd) add_noise(task, outcome);
  return outcome;
}

void SearchWorkload::add_noise(const ClientTask& task, ClientOutcome& outcome) const {
  // One example moves each count by at most 1, and all of them by at most the root of their number.
  const double std = run_.dp_sgd->alpha.noise_multiplier * std::sqrt(static_cast<double>(outcome.figures.size()));
  const std::string purpose = std::string("dp-sgd counts ").append(task.instruction);
  RandomEngine engine =
      make_engine({.seed = run_.seed, .round = task.round, .client = task.client, .purpose = purpose});
  std::vector<float> counts;
  for (const Figure& figure : outcome.figures) counts.push_back(static_cast<float>(figure.value));
  defenses::add_gaussian_noise(counts, std, engine);
  // No count is below zero or above all; that costs no privacy.
  const auto all = static_cast<float>(outcome.weight);
  for (size_t i = 0; i < counts.size(); ++i) outcome.figures[i].value = std::clamp(counts[i], 0.0f, all);
}

std::unique_ptr<Batches> training_batches(Sampling sampling, const LocalSplit& split, int64_t batch_size, uint64_t seed,
                                          int64_t round, int64_t client) {
  return make_batches(sampling, split.train, batch_size,
                      {.seed = seed, .round = round, .client = client, .purpose = "train order"});
}

std::unique_ptr<Batches> validation_batches(Sampling sampling, const LocalSplit& split, int64_t batch_size,
                                            uint64_t seed, int64_t round, int64_t client) {
  return make_batches(sampling, split.valid, batch_size,
                      {.seed = seed, .round = round, .client = client, .purpose = "valid order"});
}

}  // namespace archleak::client
