#include "nas/enas_controller.h"

#include <spdlog/fmt/fmt.h>

#include <bit>
#include <cstring>

#include "core/bytes.h"
#include "core/error.h"
#include "nas/operations.h"

namespace archleak::nas {
namespace {

constexpr int64_t kUnits = 64;
constexpr double kInitialBound = 0.1;
constexpr double kTanhConstant = 1.10;
constexpr double kOperationTemper = 2.5;  // the tanh constant of operations is divided by it
constexpr double kBaselineDecay = 0.99;

}  // namespace

struct EnasController::Parts : torch::nn::Module {
  Parts() {
    const auto add = [this](const char* name, at::IntArrayRef shape) {
      return register_parameter(name, torch::zeros(shape, torch::kFloat64));
    };
    start = add("start", {1, kUnits});
    lstm = add("lstm", {2 * kUnits, 4 * kUnits});
    operation_embedding = add("operation_embedding", {std::ssize(operations()), kUnits});
    operation_logits = add("operation_logits", {kUnits, std::ssize(operations())});
    attention_key = add("attention_key", {kUnits, kUnits});
    attention_query = add("attention_query", {kUnits, kUnits});
    attention_value = add("attention_value", {kUnits, 1});
  }
  torch::Tensor start, lstm, operation_embedding, operation_logits, attention_key, attention_query, attention_value;
};

/// One pass of decisions: `decide` maps a distribution's log-probabilities to an index.
class EnasController::Walk {
 public:
  using Decide = std::function<int64_t(const torch::Tensor& log_probabilities)>;

  Walk(const Parts& parts, Decide decide)
      : parts_(parts),
        decide_(std::move(decide)),
        input_(parts.start),
        hidden_(torch::zeros({1, kUnits}, torch::kFloat64)),
        cell_(torch::zeros({1, kUnits}, torch::kFloat64)) {}

  /// Decides on one cell; the LSTM's state goes on from the cell before.
  void cell(int64_t steps) {
    states_.clear();
    keys_.clear();
    input_ = parts_.start;
    for (int input = 0; input < 2; ++input) {
      advance();
      remember(torch::zeros_like(hidden_));
    }
    for (int64_t node = 0; node < steps; ++node) {
      const int64_t first = state(-1);
      state(first);
      for (int i = 0; i < 2; ++i) operation();
      advance();
      remember(hidden_);
      input_ = parts_.start;
    }
  }

  const std::vector<int64_t>& decisions() const { return decisions_; }
  const torch::Tensor& log_probability() const { return log_probability_; }
  double entropy() const { return entropy_; }

 private:
  void advance() {
    const auto gates = torch::matmul(torch::cat({input_, hidden_}, 1), parts_.lstm).chunk(4, 1);
    cell_ = torch::sigmoid(gates[1]) * cell_ + torch::sigmoid(gates[0]) * torch::tanh(gates[3]);
    hidden_ = torch::sigmoid(gates[2]) * torch::tanh(cell_);
  }

  /// A state that later nodes may choose: what the LSTM then reads, and what attention compares with.
  void remember(const torch::Tensor& state) {
    states_.push_back(state);
    keys_.push_back(torch::matmul(hidden_, parts_.attention_key));
  }

  /// Decides on a state other than `taken`.
  int64_t state(int64_t taken) {
    advance();
    const torch::Tensor query = torch::tanh(torch::cat(keys_) + torch::matmul(hidden_, parts_.attention_query));
    torch::Tensor logits = kTanhConstant * torch::tanh(torch::matmul(query, parts_.attention_value).flatten());
    if (taken >= 0) {
      logits = logits.index_fill(0, torch::tensor({taken}), -std::numeric_limits<double>::infinity());
    }
    const int64_t chosen = decide(logits);
    input_ = states_[chosen];
    return chosen;
  }

  void operation() {
    advance();
    const torch::Tensor logits = torch::matmul(hidden_, parts_.operation_logits).flatten();
    const int64_t chosen = decide(kTanhConstant / kOperationTemper * torch::tanh(logits));
    input_ = parts_.operation_embedding.slice(0, chosen, chosen + 1);
  }

  int64_t decide(const torch::Tensor& logits) {
    const torch::Tensor log_probabilities = logits.log_softmax(0);
    const torch::Tensor values = log_probabilities.detach();
    const int64_t chosen = decide_(values);
    if (chosen < 0 || chosen >= values.size(0) || !std::isfinite(values[chosen].item<double>())) {
      throw Error(fmt::format("controller: expected decision {} among {} that are possible, got {}", decisions_.size(),
                              values.size(0), chosen));
    }
    decisions_.push_back(chosen);
    log_probability_ = log_probability_ + log_probabilities[chosen];
    entropy_ -= torch::xlogy(values.exp(), values.exp()).sum().item<double>();
    return chosen;
  }

  const Parts& parts_;
  Decide decide_;
  torch::Tensor input_, hidden_, cell_;
  std::vector<torch::Tensor> states_, keys_;
  std::vector<int64_t> decisions_;
  torch::Tensor log_probability_ = torch::zeros({}, torch::kFloat64);
  double entropy_ = 0;
};

namespace {

/// The first place at which the probabilities' sum is beyond a uniform draw.
int64_t draw(const torch::Tensor& log_probabilities, RandomEngine& engine) {
  const torch::Tensor probabilities = log_probabilities.exp().contiguous();
  const auto* p = probabilities.data_ptr<double>();
  const double at = uniform(engine);
  int64_t last = 0;
  double sum = 0;
  for (int64_t i = 0; i < probabilities.size(0); ++i) {
    if (p[i] == 0) continue;
    last = i;
    sum += p[i];
    if (sum > at) break;
  }
  return last;
}

Choice choice_from(const std::vector<int64_t>& decisions, int64_t steps) {
  Choice choice(2 * searched_edges(steps), kNone);
  const int64_t* decision = decisions.data();
  for (int64_t cell = 0; cell < 2; ++cell) {
    for (int64_t node = 0; node < steps; ++node, decision += 4) {
      int64_t* edges = choice.data() + cell * searched_edges(steps) + searched_edges(node);
      for (int i = 0; i < 2; ++i) edges[decision[i]] = EnasController::operations()[decision[2 + i]];
    }
  }
  return choice;
}

}  // namespace

EnasController::EnasController(int64_t steps, const at::Generator& init)
    : steps_(steps), parts_(std::make_shared<Parts>()), arena_(Arena::adopt(*parts_)) {
  const torch::NoGradGuard no_grad;
  arena_.values().uniform_(-kInitialBound, kInitialBound, init);
}

const std::vector<int64_t>& EnasController::operations() {
  static const std::vector<int64_t> all{kSeparable3, kSeparable5, kAveragePool, kMaxPool, kSkip};
  return all;
}

ControllerSample EnasController::sample(RandomEngine& engine) const {
  const torch::NoGradGuard no_grad;
  Walk walk(*parts_, [&](const torch::Tensor& log_probabilities) { return draw(log_probabilities, engine); });
  for (int cell = 0; cell < 2; ++cell) walk.cell(steps_);
  return {walk.decisions(), choice_from(walk.decisions(), steps_)};
}

ControllerSample EnasController::likeliest() const {
  const torch::NoGradGuard no_grad;
  Walk walk(*parts_, [](const torch::Tensor& log_probabilities) { return log_probabilities.argmax().item<int64_t>(); });
  for (int cell = 0; cell < 2; ++cell) walk.cell(steps_);
  return {walk.decisions(), choice_from(walk.decisions(), steps_)};
}

EnasController::Likelihood EnasController::likelihood(const std::vector<int64_t>& decisions) const {
  if (std::ssize(decisions) != decision_count()) {
    throw Error(fmt::format("controller: expected {} decisions, got {}", decision_count(), decisions.size()));
  }
  size_t next = 0;
  Walk walk(*parts_, [&](const torch::Tensor&) { return decisions[next++]; });
  for (int cell = 0; cell < 2; ++cell) walk.cell(steps_);
  return {walk.log_probability(), walk.entropy()};
}

ControllerTrainer::ControllerTrainer(EnasController& controller, double lr, double entropy_weight)
    : controller_(controller),
      entropy_weight_(entropy_weight),
      optimizer_({.kind = OptimizerKind::adam, .lr = lr}, controller.arena().layout().weights, torch::kFloat64) {}

void ControllerTrainer::step(const std::vector<std::vector<int64_t>>& samples, const std::vector<double>& rewards) {
  if (samples.size() != rewards.size()) {
    throw Error(
        fmt::format("controller: expected a reward for each of {} samples, got {}", samples.size(), rewards.size()));
  }
  if (samples.empty()) return;
  const torch::AutoGradMode with_grad(true);
  const auto count = static_cast<double>(samples.size());
  std::vector<EnasController::Likelihood> likelihoods;
  std::vector<double> totals;
  double mean = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    likelihoods.push_back(controller_.likelihood(samples[i]));
    totals.push_back(rewards[i] + entropy_weight_ * likelihoods.back().entropy);
    mean += totals.back() / count;
  }
  baseline_ = optimizer_.steps() == 0 ? mean : kBaselineDecay * baseline_ + (1 - kBaselineDecay) * mean;
  torch::Tensor loss = torch::zeros({}, torch::kFloat64);
  for (size_t i = 0; i < samples.size(); ++i) {
    loss = loss - (totals[i] - baseline_) / count * likelihoods[i].log_probability;
  }
  Arena& arena = controller_.arena();
  arena.gradients().zero_();
  loss.backward();
  optimizer_.step(arena.values(), arena.gradients());
}

std::string ControllerTrainer::save() const {
  const torch::Tensor values = controller_.arena().values();
  ByteWriter writer;
  writer.text({static_cast<const char*>(values.data_ptr()), static_cast<size_t>(values.nbytes())});
  writer.text(optimizer_.save());
  writer.u64(std::bit_cast<uint64_t>(baseline_));
  return writer.take();
}

void ControllerTrainer::load(std::string_view bytes) {
  ByteReader reader(bytes, "controller");
  const auto weights = reader.text();
  const auto optimizer = reader.text();
  const auto baseline = reader.u64();
  reader.expect_end();
  const torch::Tensor values = controller_.arena().values();
  if (weights.size() != values.nbytes()) {
    throw CheckpointError(
        fmt::format("controller: expected {} bytes of weights, got {}", values.nbytes(), weights.size()));
  }
  optimizer_.load(optimizer);
  std::memcpy(values.data_ptr(), weights.data(), weights.size());
  baseline_ = std::bit_cast<double>(baseline);
}

}  // namespace archleak::nas
