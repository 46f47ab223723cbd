#include "client/train_workload.h"

#include "client/client_state.h"
#include "core/torch_random.h"

namespace archleak::client {

TrainWorkload::TrainWorkload(std::shared_ptr<models::Network> network, Arena arena,
                             std::shared_ptr<const TrainingData> data, const RunSettings& run,
                             const LocalTrainingOptions& training, Hooks hooks)
    : ModelWorkload(std::move(network), std::move(arena), std::move(data), run, training),
      hooks_(std::move(hooks)),
      optimizer_({.kind = OptimizerKind::sgd,
                  .lr = training.lr,
                  .momentum = training.momentum,
                  .weight_decay = training.weight_decay},
                 arena_.layout().weights) {}

torch::Tensor TrainWorkload::loss(const data::Batch& examples, at::Reduction::Reduction reduction) {
  const torch::Tensor logits = network_->forward(examples.images);
  return hooks_.loss ? hooks_.loss(logits, examples.labels, reduction)
                     : torch::cross_entropy_loss(logits, examples.labels, {}, reduction);
}

ClientOutcome TrainWorkload::train(const ClientTask& task, std::span<float> update) {
  ClientState state = ClientState::decode(task.state);
  reset(state.buffers);
  optimizer_.reset();
  if (!state.weight_optimizer.empty()) optimizer_.load(state.weight_optimizer);
  const auto stream = [&](std::string_view purpose) {
    return StreamKey{.seed = run_.seed, .round = task.round, .client = task.client, .purpose = purpose};
  };
  const LocalSplit split = split_locally(data_->partition.at(task.client), 0, run_.seed, task.client);
  const auto part = std::ssize(split.train);
  const auto batches = make_batches(run_.sampling(), split.train, options_.batch_size, stream("train order"));
  RandomEngine augmentation = make_engine(stream("augmentation"));
  RandomEngine input_noise = make_engine(stream("input noise"));
  std::optional<PrivateMean> mean;
  if (run_.dp_sgd) mean = private_mean(task, run_.dp_sgd->weights, part, "dp-sgd weights");
  network_->set_generator(make_torch_generator(stream("network")));
  network_->train();
  if (hooks_.begin_round) hooks_.begin_round(task.round);

  const int64_t steps = local_steps(options_, run_.protocol.protocol, batches_in_pass(part, options_.batch_size));
  MeanLoss train_loss;
  for (int64_t step = 0; step < steps; ++step) {
    task.check();
    const data::Batch examples = noisy_batch(batches->next(), &augmentation, input_noise);
    if (mean) {
      train_loss.add(private_weight_gradient([&] { return loss(examples, at::Reduction::None); },
                                             examples.labels.size(0), weights_, arena_.gradient(Segment::weights),
                                             *mean));
    } else {
      arena_.gradients().zero_();
      const torch::Tensor value = loss(examples, at::Reduction::Mean);
      value.backward();
      train_loss.add(value.item<double>());
    }
    shape_weight_gradient();
    if (run_.protocol.protocol != Protocol::gradient) {
      optimizer_.step(arena_.segment(Segment::weights), arena_.gradient(Segment::weights), lr(task.round, run_.rounds));
    }
  }
  write_update(task, state.residual, update);

  state = ClientState{.residual = std::move(state.residual)};
  if (options_.carry_optimizer) state.weight_optimizer = optimizer_.save();
  if (run_.protocol.batch_norm == BatchNormPolicy::local) state.buffers = local_buffers();
  return {.weight = static_cast<int64_t>(split.train.size()),
          .figures = {{"steps", static_cast<double>(steps)}, {"train_loss", train_loss.value()}},
          .state = state.encode()};
}

}  // namespace archleak::client
