#include "models/initialise.h"

#include <cmath>

namespace archleak::models {

void initialise(torch::nn::Module& module, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  for (const auto& part : module.modules()) {
    const auto parameters = part->named_parameters(/*recurse=*/false);
    const torch::Tensor* weight = parameters.find("weight");
    const torch::Tensor* bias = parameters.find("bias");
    if (!weight || !weight->defined()) continue;
    if (weight->dim() < 2) {
      torch::Tensor(*weight).fill_(1);
      if (bias && bias->defined()) torch::Tensor(*bias).zero_();
      continue;
    }
    const double bound = 1 / std::sqrt(static_cast<double>(weight->numel() / weight->size(0)));
    torch::Tensor(*weight).uniform_(-bound, bound, generator);
    if (bias && bias->defined()) torch::Tensor(*bias).uniform_(-bound, bound, generator);
  }
}

}  // namespace archleak::models
