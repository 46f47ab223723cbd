#include "sim/model_answers.h"

#include <algorithm>
#include <numeric>

#include "data/batch.h"

namespace archleak::sim {
namespace {

constexpr int64_t kQueryBatch = 250;

}  // namespace

std::vector<float> model_answers(models::Network& network, const data::Dataset& examples,
                                 const data::Transform& transform) {
  const torch::NoGradGuard no_grad;
  std::vector<float> logits;
  for (int64_t begin = 0; begin < examples.size(); begin += kQueryBatch) {
    std::vector<int64_t> indices(std::min(kQueryBatch, examples.size() - begin));
    std::iota(indices.begin(), indices.end(), begin);
    const auto answer =
        network.forward(data::gather(examples, indices, transform).images).to(torch::kFloat32).contiguous();
    logits.insert(logits.end(), answer.data_ptr<float>(), answer.data_ptr<float>() + answer.numel());
  }
  return logits;
}

}  // namespace archleak::sim
