#include "client/model_workload.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/optimizer.h"
#include "core/pack.h"
#include "models/batch_norm.h"

namespace archleak::client {
namespace {

constexpr int64_t kEvaluationBatch = 250;

}  // namespace

ModelWorkload::ModelWorkload(std::shared_ptr<models::Network> network, Arena arena,
                             std::shared_ptr<const TrainingData> data, const RunSettings& run,
                             const LocalTrainingOptions& options)
    : network_(std::move(network)),
      arena_(std::move(arena)),
      data_(std::move(data)),
      run_(run),
      options_(options),
      broadcast_(
          broadcast_layout(run.protocol, arena_.layout().weights, arena_.layout().alpha, arena_.layout().buffers)),
      update_(update_layout(run.protocol, arena_.layout().weights, arena_.layout().alpha, arena_.layout().buffers)) {
  const auto values = std::as_const(arena_).floats();
  start_.assign(values.begin(), values.end());
  models::use_batch_statistics(*network_, run_.protocol.batch_norm == BatchNormPolicy::batch);
  const auto parameters = network_->named_parameters();
  for (const auto& entry : arena_.layout().entries) {
    if (entry.segment == Segment::weights) weights_.push_back(parameters[entry.name]);
  }
}

int64_t ModelWorkload::model_size() const {
  return broadcast_.size();
}

int64_t ModelWorkload::update_size() const {
  return update_.size();
}

void ModelWorkload::load(std::span<const float> model) {
  unpack(arena_.layout(), broadcast_, model, start_);
}

void ModelWorkload::reset(std::span<const float> local_buffers) {
  std::copy(start_.begin(), start_.end(), arena_.floats().begin());
  if (!local_buffers.empty()) {
    if (static_cast<int64_t>(local_buffers.size()) != arena_.layout().buffers) {
      throw DataError(fmt::format("client state: expected {} batch-norm statistics, got {}", arena_.layout().buffers,
                                  local_buffers.size()));
    }
    std::copy(local_buffers.begin(), local_buffers.end(),
              arena_.floats().begin() + arena_.layout().begin(Segment::buffers));
  }
  arena_.gradients().zero_();
}

void ModelWorkload::restore(int64_t offset, int64_t size) {
  std::copy_n(start_.begin() + offset, size, arena_.floats().begin() + offset);
  if (offset < arena_.layout().begin(Segment::buffers)) arena_.gradients().narrow(0, offset, size).zero_();
}

std::vector<float> ModelWorkload::local_buffers() const {
  const auto buffers = arena_.floats().subspan(arena_.layout().begin(Segment::buffers));
  return {buffers.begin(), buffers.end()};
}

Evaluation ModelWorkload::evaluate(int64_t first, int64_t last, const std::string&) {
  const auto& test = data_->splits.test;
  if (first < 0 || last > test.size() || first >= last) {
    throw DataError(fmt::format("evaluation: expected a range within 0..{}, got {}..{}", test.size(), first, last));
  }
  reset();
  network_->eval();
  // Without global statistics the held-out batch's own are the only ones there are.
  const bool no_statistics = run_.protocol.batch_norm != BatchNormPolicy::average;
  models::use_batch_statistics(*network_, no_statistics);
  const torch::NoGradGuard no_grad;
  Evaluation total;
  for (int64_t begin = first; begin < last; begin += kEvaluationBatch) {
    std::vector<int64_t> indices(std::min(kEvaluationBatch, last - begin));
    std::iota(indices.begin(), indices.end(), begin);
    const auto examples = data::gather(test, indices, data_->plain_transform);
    const Evaluation part = score(network_->forward(examples.images), examples.labels);
    total.examples += part.examples;
    total.correct += part.correct;
    total.loss_sum += part.loss_sum;
  }
  models::use_batch_statistics(*network_, run_.protocol.batch_norm == BatchNormPolicy::batch);
  return total;
}

data::Batch ModelWorkload::batch(std::span<const int64_t> indices, RandomEngine* augment) const {
  return data::gather(data_->splits.train, indices, augment ? data_->transform : data_->plain_transform, augment);
}

data::Batch ModelWorkload::noisy_batch(std::span<const int64_t> indices, RandomEngine* augment,
                                       RandomEngine& noise) const {
  data::Batch examples = batch(indices, augment);
  if (run_.input_noise > 0) data::add_pixel_noise(examples.images, data_->transform, run_.input_noise, noise);
  return examples;
}

PrivateMean ModelWorkload::private_mean(const ClientTask& task, const defenses::GaussianMechanism& mechanism,
                                        int64_t examples, std::string_view purpose) const {
  return {.mechanism = mechanism,
          .expected_batch = sampling_rate(examples, options_.batch_size) * static_cast<double>(examples),
          .noise = make_engine({.seed = run_.seed, .round = task.round, .client = task.client, .purpose = purpose})};
}

double ModelWorkload::lr(int64_t round, int64_t rounds) const {
  return cosine_lr(options_.lr, options_.lr_min, round, rounds);
}

void ModelWorkload::shape_weight_gradient() {
  torch::Tensor gradient = arena_.gradient(Segment::weights);
  if (options_.fedprox_mu > 0) {
    const auto start = torch::from_blob(const_cast<float*>(start_.data()), {arena_.layout().weights});
    gradient.add_(arena_.segment(Segment::weights) - start, options_.fedprox_mu);
  }
  if (options_.clip_norm > 0 && !run_.dp_sgd) clip_gradient_norm(gradient, options_.clip_norm);
}

void ModelWorkload::write_update(const ClientTask& task, std::vector<float>& residual, std::span<float> update) const {
  const auto& layout = arena_.layout();
  const auto values = arena_.floats();
  std::vector<float> sent(values.begin(), values.end());
  const int64_t trained = layout.weights + layout.alpha;
  const bool sends_values = run_.protocol.protocol == Protocol::weights;
  if (run_.protocol.protocol == Protocol::gradient) {
    std::copy_n(arena_.gradients().data_ptr<float>(), trained, sent.begin());
  } else if (!sends_values || !run_.defense.empty()) {
    for (int64_t i = 0; i < trained; ++i) sent[i] -= start_[i];
  }
  pack(layout, update_, sent, update);
  if (!run_.defense.empty()) {
    run_.defense.apply(update, update_, {.seed = run_.seed, .round = task.round, .client = task.client}, &residual);
    if (sends_values) {
      std::vector<float> before(update.size());
      pack(layout, update_, start_, before);
      for (int64_t i = 0; i < update_.trained(); ++i) update[i] += before[i];
    }
  }
  if (!std::all_of(update.begin(), update.end(), [](float value) { return std::isfinite(value); })) {
    throw DataError("update: expected finite values, got infinity or NaN");
  }
}

void MeanLoss::add(const torch::Tensor& losses) {
  sum += losses.to(torch::kFloat64).sum().item<double>();
  count += static_cast<double>(losses.numel());
}

Evaluation score(const torch::Tensor& logits, const torch::Tensor& labels) {
  const torch::Tensor loss = torch::nn::functional::cross_entropy(
      logits.to(torch::kFloat64), labels, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
  return {.examples = labels.size(0),
          .correct = logits.argmax(1).eq(labels).sum().item<int64_t>(),
          .loss_sum = loss.item<double>()};
}

}  // namespace archleak::client
