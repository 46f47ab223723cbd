#include "attacks/membership/network_attack.h"

#include <torch/torch.h>

#include <algorithm>

#include "attacks/membership/log_sum_exp.h"
#include "core/error.h"
#include "core/random.h"
#include "core/torch_random.h"

namespace archleak::attacks {
namespace {

constexpr int64_t kLargest = 10;
constexpr double kLeastDeviation = 1e-6;
constexpr double kLeastLog = -50;  // what is less likely says nothing more

/// `[samples, features]` float64.
torch::Tensor features(const Signals& signals) {
  const int64_t largest = std::min(kLargest, signals.classes);
  const auto table = torch::empty({signals.samples(), largest + 1}, torch::kFloat64);
  double* to = table.data_ptr<double>();
  for (int64_t sample = 0; sample < signals.samples(); ++sample) {
    const auto row = signals.row(sample);
    const double all = log_sum_exp(row);
    std::vector<double> logs;
    for (const double logit : row) logs.push_back(std::max(logit - all, kLeastLog));
    const double own = logs[signals.labels[sample]];
    std::partial_sort(logs.begin(), logs.begin() + largest, logs.end(), std::greater<>());
    to = std::copy_n(logs.begin(), largest, to);
    *to++ = own;
  }
  return table;
}

/// A layer with weights and biases from U(-1, 1) / sqrt(inputs), as torch draws them.
struct Layer {
  torch::Tensor weight, bias;

  Layer(int64_t inputs, int64_t outputs, at::Generator generator) {
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));
    weight = torch::empty({outputs, inputs}).uniform_(-bound, bound, generator).requires_grad_();
    bias = torch::empty({outputs}).uniform_(-bound, bound, generator).requires_grad_();
  }
  torch::Tensor operator()(const torch::Tensor& input) const { return torch::linear(input, weight, bias); }
};

}  // namespace

std::vector<double> network_attack(const Signals& shadow, const Signals& target, const NetworkAttackOptions& options,
                                   const AfterEpoch& after_epoch) {
  check_signals(shadow, "shadow signals");
  check_signals(target, "target signals");
  if (shadow.classes != target.classes) {
    throw DataError("network attack: expected a target with the shadow's classes, got one with others");
  }
  const auto members = std::count(shadow.member.begin(), shadow.member.end(), 1);
  if (members == 0 || members == shadow.samples()) {
    throw DataError("network attack: expected members and non-members of the shadow, got one kind alone");
  }
  const auto known = features(shadow);
  const auto mean = known.mean(0), deviation = known.std(0, /*unbiased=*/false).clamp_min(kLeastDeviation);
  const auto scaled = [&](const torch::Tensor& table) { return ((table - mean) / deviation).to(torch::kFloat32); };
  const auto inputs = scaled(known);
  const auto flags = torch::tensor(std::vector<float>(shadow.member.begin(), shadow.member.end()));
  const double half = static_cast<double>(shadow.samples()) / 2;
  const auto weights = torch::where(flags > 0, half / static_cast<double>(members),
                                    half / static_cast<double>(shadow.samples() - members))
                           .to(torch::kFloat32);

  const at::Generator init = make_torch_generator({.seed = options.seed, .purpose = "network attack"});
  const Layer first(inputs.size(1), options.hidden, init),
      second(options.hidden, std::max<int64_t>(options.hidden / 2, 1), init),
      third(std::max<int64_t>(options.hidden / 2, 1), 1, init);
  const auto forward = [&](const torch::Tensor& input) {
    return third(torch::relu(second(torch::relu(first(input))))).squeeze(1);
  };
  const auto asked = scaled(features(target));
  const auto scores = [&]() -> std::vector<double> {
    const torch::NoGradGuard no_grad;
    const auto odds = forward(asked).to(torch::kFloat64).contiguous();
    return {odds.data_ptr<double>(), odds.data_ptr<double>() + odds.numel()};
  };
  torch::optim::SGD optimizer({first.weight, first.bias, second.weight, second.bias, third.weight, third.bias},
                              torch::optim::SGDOptions(options.lr).momentum(0.9));
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    RandomEngine engine = make_engine({.seed = options.seed, .purpose = "network attack order", .index = epoch});
    const auto order = torch::tensor(random_permutation(shadow.samples(), engine));
    for (int64_t begin = 0; begin < shadow.samples(); begin += options.batch_size) {
      const auto batch = order.slice(0, begin, std::min(begin + options.batch_size, shadow.samples()));
      optimizer.zero_grad();
      torch::binary_cross_entropy_with_logits(forward(inputs.index_select(0, batch)), flags.index_select(0, batch),
                                              weights.index_select(0, batch))
          .backward();
      optimizer.step();
    }
    if (after_epoch) after_epoch(epoch + 1, scores());
  }
  return scores();
}

}  // namespace archleak::attacks
