#include "client/train_workload.h"

#include "client/batch_statistics.h"
#include "client/client_state.h"
#include "core/torch_random.h"
#include "defenses/distillation_loss.h"

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
                 arena_.layout().weights) {
  if (!run.adversarial) return;
  adversary_ = std::make_unique<defenses::MembershipAdversary>(data_->splits.train.classes, *run.adversarial);
}

/// What chance decides of an answer in training mode.
struct TrainWorkload::Draws {
  RandomEngine augmentation, input_noise;
  at::Generator network;
};

struct TrainWorkload::Steps {
  Draws own, asked;                                         ///< in the network's own steps, and when it is asked
  std::optional<PrivateMean> mean;                          ///< under DP-SGD
  std::unique_ptr<Batches> asked_members, asked_reference;  ///< what the adversary learns from
  MeanLoss train_loss, gain;
};

TrainWorkload::Criterion TrainWorkload::criterion(std::span<const int64_t> indices, const data::Batch& examples,
                                                  at::Reduction::Reduction reduction) const {
  const SoftLabels& soft = data_->soft_labels;
  if (soft.probabilities.empty()) {
    return [labels = examples.labels, reduction](const torch::Tensor& logits) {
      return torch::cross_entropy_loss(logits, labels, {}, reduction);
    };
  }
  const int64_t classes = data_->splits.train.classes;
  torch::Tensor teacher = torch::empty({std::ssize(indices), classes});
  float* row = teacher.data_ptr<float>();
  for (const int64_t index : indices) row = std::copy_n(soft.probabilities.begin() + index * classes, classes, row);
  return [teacher, temperature = soft.temperature, reduction](const torch::Tensor& logits) {
    return defenses::distillation_loss(logits, teacher, temperature, reduction);
  };
}

torch::Tensor TrainWorkload::loss(const torch::Tensor& logits, const Criterion& criterion) {
  return hooks_.loss ? hooks_.loss(logits, criterion) : criterion(logits);
}

void TrainWorkload::take_gradient(std::span<const int64_t> indices, Steps& steps) {
  const data::Batch examples = noisy_batch(indices, &steps.own.augmentation, steps.own.input_noise);
  if (steps.mean) {
    const auto losses = [&] {
      return loss(network_->forward(examples.images), criterion(indices, examples, at::Reduction::None));
    };
    steps.train_loss.add(private_weight_gradient(losses, examples.labels.size(0), weights_,
                                                 arena_.gradient(Segment::weights), *steps.mean));
    return;
  }
  arena_.gradients().zero_();
  const torch::Tensor logits = network_->forward(examples.images);
  const torch::Tensor value = loss(logits, criterion(indices, examples, at::Reduction::Mean));
  torch::Tensor objective = value;
  if (adversary_) {
    const defenses::Answers given{torch::softmax(logits, 1), examples.labels};
    objective = value + run_.adversarial->lambda * adversary_->mean_log_membership(given);
  }
  objective.backward();
  steps.train_loss.add(value.item<double>());
}

defenses::Answers TrainWorkload::answers(std::span<const int64_t> indices, Draws& draws) {
  const torch::NoGradGuard no_grad;
  const data::Batch examples = noisy_batch(indices, &draws.augmentation, draws.input_noise);
  return {torch::softmax(network_->forward(examples.images), 1), examples.labels};
}

/// The network is asked as in its own steps: in training mode, about augmented images. Were the adversary to learn from
/// other answers than those that it judges, the classifier could leave it behind, and does, at the cost of its
/// accuracy.
void TrainWorkload::train_adversary(Steps& steps) {
  const BatchStatistics statistics(*network_, run_.protocol.batch_norm == BatchNormPolicy::batch);
  network_->set_generator(steps.asked.network);
  for (int64_t step = 0; step < run_.adversarial->inference_steps; ++step) {
    const defenses::Answers members = answers(steps.asked_members->next(), steps.asked);
    steps.gain.add(adversary_->ascend(members, answers(steps.asked_reference->next(), steps.asked)));
  }
  network_->set_generator(steps.own.network);
}

ClientOutcome TrainWorkload::train(const ClientTask& task, std::span<float> update) {
  ClientState state = ClientState::decode(task.state);
  reset(state.buffers);
  optimizer_.reset();
  if (!state.weight_optimizer.empty()) optimizer_.load(state.weight_optimizer);
  const auto stream = [&](std::string_view purpose) {
    return StreamKey{.seed = run_.seed, .round = task.round, .client = task.client, .purpose = purpose};
  };
  const MemberSplit mine = split_members(*data_, run_.reference_share(), run_.seed, task.client);
  const LocalSplit split = split_locally(mine.members, 0, run_.seed, task.client);
  const auto part = std::ssize(split.train);
  const auto batches = make_batches(run_.sampling(), split.train, options_.batch_size, stream("train order"));
  const auto draws = [&](const std::string& whose) {
    return Draws{.augmentation = make_engine(stream(whose + "augmentation")),
                 .input_noise = make_engine(stream(whose + "input noise")),
                 .network = make_torch_generator(stream(whose + "network"))};
  };
  Steps steps{.own = draws(""), .asked = draws("asked ")};
  if (run_.dp_sgd) steps.mean = private_mean(task, run_.dp_sgd->weights, part, "dp-sgd weights");
  if (adversary_) {
    steps.asked_members = std::make_unique<BatchOrder>(mine.members, options_.batch_size, stream("asked members"));
    steps.asked_reference =
        std::make_unique<BatchOrder>(mine.reference, options_.batch_size, stream("asked reference"));
    adversary_->reset(make_torch_generator({.seed = run_.seed, .client = task.client, .purpose = "inference network"}));
    if (!state.adversary.empty()) adversary_->load(state.adversary);
  }
  network_->set_generator(steps.own.network);
  network_->train();
  if (hooks_.begin_round) hooks_.begin_round(task.round);

  const int64_t count = local_steps(options_, run_.protocol.protocol, batches_in_pass(part, options_.batch_size));
  for (int64_t step = 0; step < count; ++step) {
    task.check();
    if (adversary_) train_adversary(steps);
    take_gradient(batches->next(), steps);
    shape_weight_gradient();
    if (run_.protocol.protocol != Protocol::gradient) {
      optimizer_.step(arena_.segment(Segment::weights), arena_.gradient(Segment::weights), lr(task.round, run_.rounds));
    }
  }
  write_update(task, state.residual, update);

  ClientOutcome outcome{.weight = part,
                        .figures = {{"steps", static_cast<double>(count)}, {"train_loss", steps.train_loss.value()}},
                        .state = {}};
  state = ClientState{.residual = std::move(state.residual)};
  if (adversary_) {
    outcome.figures.push_back({"inference_gain", steps.gain.value()});
    state.adversary = adversary_->save();
  }
  if (options_.carry_optimizer) state.weight_optimizer = optimizer_.save();
  if (run_.protocol.batch_norm == BatchNormPolicy::local) state.buffers = local_buffers();
  outcome.state = state.encode();
  return outcome;
}

}  // namespace archleak::client
