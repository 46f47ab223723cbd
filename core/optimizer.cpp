#include "core/optimizer.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak {
namespace {

constexpr uint32_t kStateVersion = 1;

/// One step's constants.
struct Rule {
  OptimizerKind kind;
  double lr;
  double momentum;
  bool nesterov;
  double beta1;
  double beta2;
  double epsilon;
  double decay;
  double correction;  ///< adam: sqrt(1 - beta2^t)
};

bool is_federated(OptimizerKind kind) {
  return kind == OptimizerKind::fed_adam || kind == OptimizerKind::fed_yogi || kind == OptimizerKind::fed_adagrad;
}

/// Passes (x, g with weight decay, index) of every element to `update`.
template <typename Update>
void each(float* x, const float* gradient, int64_t size, float decay, Update update) {
  if (decay != 0) {
    for (int64_t i = 0; i < size; ++i) update(x[i], gradient[i] + decay * x[i], i);
  } else {
    for (int64_t i = 0; i < size; ++i) update(x[i], gradient[i], i);
  }
}

void step_sgd(const Rule& rule, float* x, const float* gradient, float* buffer, int64_t size) {
  const auto lr = static_cast<float>(rule.lr);
  const auto decay = static_cast<float>(rule.decay);
  const auto momentum = static_cast<float>(rule.momentum);
  if (!buffer) {
    each(x, gradient, size, decay, [=](float& value, float g, int64_t) { value -= lr * g; });
  } else if (rule.nesterov) {
    each(x, gradient, size, decay, [=](float& value, float g, int64_t i) {
      buffer[i] = momentum * buffer[i] + g;
      value -= lr * (g + momentum * buffer[i]);
    });
  } else {
    each(x, gradient, size, decay, [=](float& value, float g, int64_t i) {
      buffer[i] = momentum * buffer[i] + g;
      value -= lr * buffer[i];
    });
  }
}

void step_adaptive(const Rule& rule, float* x, const float* gradient, float* first, float* second, int64_t size) {
  const auto lr = static_cast<float>(rule.lr);
  const auto decay = static_cast<float>(rule.decay);
  const auto beta1 = static_cast<float>(rule.beta1);
  const auto beta2 = static_cast<float>(rule.beta2);
  const auto rest1 = static_cast<float>(1 - rule.beta1);
  const auto rest2 = static_cast<float>(1 - rule.beta2);
  const auto epsilon = static_cast<float>(rule.epsilon);
  const auto correction = static_cast<float>(rule.correction);
  const auto pass = [&](auto next_second) {
    each(x, gradient, size, decay, [=](float& value, float g, int64_t i) {
      first[i] = beta1 * first[i] + rest1 * g;
      second[i] = next_second(second[i], g * g);
      value -= lr * first[i] / (std::sqrt(second[i]) / correction + epsilon);
    });
  };
  switch (rule.kind) {
    case OptimizerKind::adagrad:
      each(x, gradient, size, decay, [=](float& value, float g, int64_t i) {
        second[i] += g * g;
        value -= lr * g / (std::sqrt(second[i]) + epsilon);
      });
      break;
    case OptimizerKind::fed_adagrad:
      pass([](float v, float square) { return v + square; });
      break;
    case OptimizerKind::fed_yogi:
      pass([rest2](float v, float square) {
        return v - rest2 * square * static_cast<float>((v > square) - (v < square));
      });
      break;
    default:
      pass([beta2, rest2](float v, float square) { return beta2 * v + rest2 * square; });
  }
}

/// The same formulas as tensor operations, for other types and devices.
void step_tensors(const Rule& rule, torch::Tensor x, const torch::Tensor& gradient, torch::Tensor first,
                  torch::Tensor second) {
  const torch::Tensor g = rule.decay != 0 ? gradient.add(x, rule.decay) : gradient;
  if (rule.kind == OptimizerKind::sgd) {
    if (first.defined()) first.mul_(rule.momentum).add_(g);
    x.sub_(!first.defined() ? g : rule.nesterov ? g.add(first, rule.momentum) : first, rule.lr);
    return;
  }
  const torch::Tensor square = g * g;
  if (first.defined()) first.mul_(rule.beta1).add_(g, 1 - rule.beta1);
  if (rule.kind == OptimizerKind::adagrad || rule.kind == OptimizerKind::fed_adagrad) {
    second.add_(square);
  } else if (rule.kind == OptimizerKind::fed_yogi) {
    second.sub_(square * torch::sign(second - square), 1 - rule.beta2);
  } else {
    second.mul_(rule.beta2).add_(square, 1 - rule.beta2);
  }
  x.addcdiv_(first.defined() ? first : g, second.sqrt().div_(rule.correction).add_(rule.epsilon), -rule.lr);
}

bool fits_pass(const torch::Tensor& tensor) {
  return tensor.device().is_cpu() && tensor.scalar_type() == torch::kFloat32 && tensor.is_contiguous();
}

std::string_view bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()};
}

}  // namespace

void describe(ConfigSection section, OptimizerOptions& options) {
  section.read("kind", options.kind,
               {{"sgd", OptimizerKind::sgd},
                {"adam", OptimizerKind::adam},
                {"adagrad", OptimizerKind::adagrad},
                {"fed_adam", OptimizerKind::fed_adam},
                {"fed_yogi", OptimizerKind::fed_yogi},
                {"fed_adagrad", OptimizerKind::fed_adagrad}},
               "step rule; fed_* are the server's of Reddi et al. 2021");
  section.read("lr", options.lr, {.min = 0}, "learning rate");
  section.read("momentum", options.momentum, {.min = 0, .max = 1}, "momentum (sgd)");
  section.read("beta1", options.beta1, {.min = 0, .max = 1}, "decay of the first moment (adam, fed_*)");
  section.read("beta2", options.beta2, {.min = 0, .max = 1}, "decay of the second moment (adam, fed_adam, fed_yogi)");
  section.read("epsilon", options.epsilon, {.min = 1e-20, .max = 1}, "added to the root of the second moment");
  section.read("weight_decay", options.weight_decay, {.min = 0}, "times the value, added to the gradient");
  section.read("nesterov", options.nesterov, "Nesterov momentum (sgd)");
  if (options.nesterov && options.momentum == 0) section.fail("nesterov", "expected momentum above 0, got 0");
}

Optimizer::Optimizer(const OptimizerOptions& options, int64_t size, torch::TensorOptions tensor_options)
    : options_(options), size_(size), tensor_options_(tensor_options) {
  if (options.nesterov && options.momentum == 0) {
    throw ConfigError("optimizer: nesterov: expected momentum above 0, got 0");
  }
  reset();
}

bool Optimizer::keeps_first() const {
  return options_.kind == OptimizerKind::sgd ? options_.momentum != 0 : options_.kind != OptimizerKind::adagrad;
}

bool Optimizer::keeps_second() const {
  return options_.kind != OptimizerKind::sgd;
}

void Optimizer::reset() {
  steps_ = 0;
  const double start = is_federated(options_.kind) ? options_.epsilon * options_.epsilon : 0;
  if (keeps_first()) first_ = torch::zeros({size_}, tensor_options_);
  if (keeps_second()) second_ = torch::full({size_}, start, tensor_options_);
}

void Optimizer::step(torch::Tensor values, const torch::Tensor& gradient) {
  step(std::move(values), gradient, options_.lr);
}

void Optimizer::step(torch::Tensor values, const torch::Tensor& gradient, double lr) {
  for (const auto* tensor : {&std::as_const(values), &gradient}) {
    if (tensor->numel() != size_ || tensor->dim() != 1 || tensor->dtype() != tensor_options_.dtype()) {
      throw Error(fmt::format("optimizer: expected {} [{}], got {} {}", c10::str(tensor_options_.dtype()), size_,
                              c10::str(tensor->dtype()), c10::str(tensor->sizes())));
    }
  }
  const torch::NoGradGuard no_grad;
  ++steps_;
  Rule rule{.kind = options_.kind,
            .lr = lr,
            .momentum = options_.momentum,
            .nesterov = options_.nesterov,
            .beta1 = options_.beta1,
            .beta2 = options_.beta2,
            .epsilon = options_.epsilon,
            .decay = options_.weight_decay,
            .correction = 1};
  if (rule.kind == OptimizerKind::adam) {
    rule.lr = lr / (1 - std::pow(rule.beta1, static_cast<double>(steps_)));
    rule.correction = std::sqrt(1 - std::pow(rule.beta2, static_cast<double>(steps_)));
  }
  if (!fits_pass(values) || !fits_pass(gradient)) {
    step_tensors(rule, values, gradient, first_, second_);
    return;
  }
  auto* const x = values.data_ptr<float>();
  const auto* const g = gradient.data_ptr<float>();
  float* const first = first_.defined() ? first_.data_ptr<float>() : nullptr;
  if (rule.kind == OptimizerKind::sgd) {
    step_sgd(rule, x, g, first, size_);
  } else {
    step_adaptive(rule, x, g, first, second_.data_ptr<float>(), size_);
  }
}

torch::Tensor Optimizer::momentum_buffer() const {
  return first_.defined() ? first_ : torch::zeros({1}, tensor_options_).expand({size_});
}

std::string Optimizer::save() const {
  ByteWriter writer;
  writer.u32(kStateVersion);
  writer.u32(static_cast<uint32_t>(options_.kind));
  writer.i64(size_);
  writer.i64(steps_);
  for (const auto& tensor : {first_, second_})
    writer.text(tensor.defined() ? bytes_of(tensor.cpu()) : std::string_view());
  return writer.take();
}

void Optimizer::load(std::string_view bytes) {
  ByteReader reader(bytes, "optimizer state");
  const uint32_t version = reader.u32();
  if (version != kStateVersion) reader.fail(fmt::format("version {}", kStateVersion), std::to_string(version));
  const uint32_t kind = reader.u32();
  if (kind != static_cast<uint32_t>(options_.kind)) {
    reader.fail(fmt::format("kind {}", static_cast<int>(options_.kind)), std::to_string(kind));
  }
  const int64_t size = reader.i64();
  if (size != size_) reader.fail(fmt::format("{} values", size_), std::to_string(size));
  const int64_t steps = reader.i64();
  if (steps < 0) reader.fail("at least 0 steps", std::to_string(steps));
  std::array<std::string_view, 2> states;
  for (size_t i = 0; i < states.size(); ++i) {
    const auto& tensor = i == 0 ? first_ : second_;
    const size_t expected = tensor.defined() ? tensor.nbytes() : 0;
    states[i] = reader.text();
    if (states[i].size() != expected) reader.fail(fmt::format("{} bytes", expected), std::to_string(states[i].size()));
  }
  reader.expect_end();
  steps_ = steps;
  for (size_t i = 0; i < states.size(); ++i) {
    torch::Tensor& tensor = i == 0 ? first_ : second_;
    if (!tensor.defined()) continue;
    torch::Tensor host = torch::empty({size_}, tensor_options_.device(torch::kCPU));
    std::memcpy(host.data_ptr(), states[i].data(), states[i].size());
    tensor.copy_(host);
  }
}

double clip_gradient_norm(torch::Tensor gradient, double max_norm) {
  double square = 0;
  if (fits_pass(gradient)) {
    const auto* const g = gradient.data_ptr<float>();
    const int64_t size = gradient.numel();
    constexpr int64_t kLanes = 8;
    std::array<double, kLanes> sums{};
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += static_cast<double>(g[i + lane]) * g[i + lane];
    }
    for (; i < size; ++i) sums[0] += static_cast<double>(g[i]) * g[i];
    for (const double sum : sums) square += sum;
  } else {
    square = gradient.to(torch::kFloat64).square().sum().item<double>();
  }
  const double norm = std::sqrt(square);
  const double scale = max_norm / (norm + 1e-6);
  const torch::NoGradGuard no_grad;
  if (std::isfinite(norm) && scale < 1) gradient.mul_(scale);
  return norm;
}

double cosine_lr(double lr, double min_lr, int64_t step, int64_t total) {
  if (step >= total) return min_lr;
  const double share = static_cast<double>(step) / static_cast<double>(total);
  return min_lr + (lr - min_lr) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

}  // namespace archleak
