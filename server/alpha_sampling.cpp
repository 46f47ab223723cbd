#include "server/alpha_sampling.h"

#include <map>
#include <utility>

#include "core/random.h"

namespace archleak::server {

std::vector<torch::Tensor> alpha_rows(const Arena& arena) {
  std::vector<torch::Tensor> rows;
  for (const auto& entry : arena.layout().entries) {
    if (entry.segment != Segment::alpha) continue;
    const torch::Tensor table = arena.view(entry).reshape({-1, entry.shape.back()});
    for (int64_t row = 0; row < table.size(0); ++row) rows.push_back(table[row]);
  }
  return rows;
}

std::vector<int64_t> sample_choice(const std::vector<torch::Tensor>& rows, uint64_t seed, int64_t round,
                                   int64_t client) {
  RandomEngine engine = make_engine({.seed = seed, .round = round, .client = client, .purpose = "sub-network"});
  std::vector<int64_t> choice;
  for (const auto& row : rows) {
    const torch::Tensor probabilities = row.to(torch::kFloat64).softmax(0);
    const auto* p = probabilities.data_ptr<double>();
    const double draw = uniform(engine);
    int64_t operation = 0;
    for (double sum = p[0]; sum <= draw && operation + 1 < row.size(0);) sum += p[++operation];
    choice.push_back(operation);
  }
  return choice;
}

void average_over_holders(std::span<float> mean, const Arena& arena, std::span<const OperationPart> parts,
                          std::span<const Holder> holders) {
  const auto& layout = arena.layout();
  const auto model = arena.floats();
  double total = 0;
  std::map<std::pair<int64_t, int64_t>, double> held;  // by row and operation
  for (const auto& [choice, weight] : holders) {
    total += static_cast<double>(weight);
    for (size_t row = 0; row < choice.size(); ++row) {
      held[{static_cast<int64_t>(row), choice[row]}] += static_cast<double>(weight);
    }
  }
  for (const auto& part : parts) {
    const double weight = held[{part.row, part.operation}];
    const double factor = weight > 0 ? total / weight : 0;
    const bool is_buffer = part.offset >= layout.begin(Segment::buffers);
    const int64_t shift = is_buffer ? layout.alpha : 0;
    if (part.offset + part.size - shift > static_cast<int64_t>(mean.size())) continue;  // buffers that are not sent
    for (int64_t i = part.offset; i < part.offset + part.size; ++i) {
      const double start = is_buffer ? model[i] : 0;
      float& value = mean[i - shift];
      value = static_cast<float>(start + factor * (value - start));
    }
  }
}

torch::Tensor policy_gradient(const std::vector<torch::Tensor>& rows, std::span<const Reward> rewards,
                              double baseline) {
  std::vector<torch::Tensor> gradients;
  for (size_t i = 0; i < rows.size(); ++i) {
    const torch::Tensor probabilities = rows[i].to(torch::kFloat64).softmax(0);
    torch::Tensor gradient = torch::zeros_like(probabilities);
    for (const auto& [choice, reward] : rewards) {
      // grad log softmax_k = onehot(k) - softmax
      gradient += (reward - baseline) * probabilities;
      gradient[choice[i]] -= reward - baseline;
    }
    gradients.push_back(gradient / static_cast<double>(rewards.size()));
  }
  return torch::cat(gradients).to(torch::kFloat32);
}

double alpha_entropy(const std::vector<torch::Tensor>& rows) {
  double total = 0;
  for (const auto& row : rows) {
    const torch::Tensor logits = row.to(torch::kFloat64).log_softmax(0);
    total -= (logits.exp() * logits).sum().item<double>();
  }
  return rows.empty() ? 0 : total / static_cast<double>(rows.size());
}

}  // namespace archleak::server
