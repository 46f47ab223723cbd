#include "defenses/distillation_loss.h"

namespace archleak::defenses {

torch::Tensor distillation_loss(const torch::Tensor& logits, const torch::Tensor& probabilities, double temperature,
                                at::Reduction::Reduction reduction) {
  const torch::Tensor student = torch::log_softmax(logits / temperature, 1);
  const torch::Tensor by_example = torch::kl_div(student, probabilities, at::Reduction::None).sum(1);
  return reduction == at::Reduction::None ? by_example : by_example.mean();
}

}  // namespace archleak::defenses
