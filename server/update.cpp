#include "server/update.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak::server {
namespace {

bool is_plain_average(const OptimizerOptions& options, double lr) {
  return options.kind == OptimizerKind::sgd && options.momentum == 0 && options.weight_decay == 0 && lr == 1;
}

void step(Optimizer& optimizer, Protocol protocol, torch::Tensor values, const torch::Tensor& mean,
          std::optional<double> replaced_lr) {
  if (mean.numel() == 0) return;
  const double lr = replaced_lr.value_or(optimizer.options().lr);
  if (protocol == Protocol::weights && is_plain_average(optimizer.options(), lr)) {
    values.copy_(mean);
    return;
  }
  const torch::Tensor gradient = protocol == Protocol::gradient  ? mean
                                 : protocol == Protocol::weights ? values - mean
                                                                 : -mean;
  optimizer.step(values, gradient, lr);
}

}  // namespace

void describe(ConfigSection section, UpdateOptions& options) {
  describe(section.section("weights"), options.weights);
  describe(section.section("alpha"), options.alpha);
}

ServerUpdate::ServerUpdate(const UpdateOptions& options, const ProtocolOptions& protocol, const ArenaLayout& model,
                           torch::TensorOptions tensor_options)
    : protocol_(protocol.protocol),
      layout_(update_layout(protocol, model.weights, model.alpha, model.buffers)),
      weights_(options.weights, model.weights, tensor_options),
      alpha_(options.alpha, model.alpha, tensor_options) {}

void ServerUpdate::apply(Arena& arena, std::span<const float> mean, std::optional<double> weights_lr,
                         std::optional<double> alpha_lr) {
  if (static_cast<int64_t>(mean.size()) != layout_.size()) {
    throw DataError(fmt::format("server update: expected {} values, got {}", layout_.size(), mean.size()));
  }
  if (!std::all_of(mean.begin(), mean.end(), [](float value) { return std::isfinite(value); })) {
    throw DataError("server update: expected finite values, got infinity or NaN");
  }
  const torch::NoGradGuard no_grad;
  // from_blob takes no pointer to const; nothing writes through it.
  const torch::Tensor all =
      torch::from_blob(const_cast<float*>(mean.data()), {layout_.size()}, torch::kFloat32).to(arena.values().options());
  const auto part = [&all](int64_t first, int64_t size) { return all.slice(0, first, first + size); };
  step(weights_, protocol_, arena.segment(Segment::weights), part(0, layout_.weights), weights_lr);
  step(alpha_, protocol_, arena.segment(Segment::alpha), part(layout_.weights, layout_.alpha), alpha_lr);
  if (layout_.buffers > 0) arena.segment(Segment::buffers).copy_(part(layout_.trained(), layout_.buffers));
}

void ServerUpdate::reset() {
  weights_.reset();
  alpha_.reset();
}

std::string ServerUpdate::save() const {
  ByteWriter writer;
  writer.text(weights_.save());
  writer.text(alpha_.save());
  return writer.take();
}

void ServerUpdate::load(std::string_view bytes) {
  ByteReader reader(bytes, "server optimizers");
  const auto weights = reader.text();
  const auto alpha = reader.text();
  reader.expect_end();
  const std::string before = weights_.save();
  weights_.load(weights);
  try {
    alpha_.load(alpha);
  } catch (const CheckpointError&) {
    weights_.load(before);
    throw;
  }
}

}  // namespace archleak::server
