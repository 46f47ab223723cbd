#pragma once
#include <torch/torch.h>

namespace archleak::defenses {

/// How far a student is from its teacher, in nats: KL(t || s) = sum over classes of t (log t - log s), with s =
/// softmax(logits / temperature), for `logits` `[batch, classes]` and the teacher's `probabilities` in the same shape,
/// taken at the same temperature (`soft_labels`). The mean over the batch or, without reduction, by example `[batch]`.
/// Its gradient with respect to the logits is (s - t) / temperature, by example; it is not multiplied by temperature^2.
torch::Tensor distillation_loss(const torch::Tensor& logits, const torch::Tensor& probabilities, double temperature,
                                at::Reduction::Reduction reduction);

}  // namespace archleak::defenses
