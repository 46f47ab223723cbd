#include "attacks/reconstruction/gaussian_prior.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

namespace archleak::attacks {

torch::Tensor GaussianPrior::basis(int64_t count) const {
  return components.slice(1, 0, count) * deviations.slice(0, 0, count);
}

torch::Tensor GaussianPrior::image(const torch::Tensor& z) const {
  return mean + torch::matmul(z * deviations, components.t());
}

torch::Tensor GaussianPrior::coordinates(const torch::Tensor& image) const {
  return torch::mv(components.t(), image - mean) / deviations;
}

GaussianPrior fit_gaussian_prior(const torch::Tensor& images, double smallest_deviation) {
  if (images.dim() != 2 || images.size(0) < 2) {
    throw Error(fmt::format("prior: expected at least two images [images, pixels], got {} dimensions of {} elements",
                            images.dim(), images.numel()));
  }
  const auto from = images.detach().to(torch::kCPU, torch::kFloat64);
  const auto mean = from.mean(0), centred = from - mean;
  const auto covariance = torch::mm(centred.t(), centred) / static_cast<double>(from.size(0) - 1);
  const auto [values, vectors] = torch::linalg_eigh(covariance);
  return {mean, vectors.flip(1).contiguous(), values.flip(0).clamp_min(0).sqrt().clamp_min(smallest_deviation)};
}

GaussianPrior join_priors(const std::vector<GaussianPrior>& priors) {
  if (priors.empty()) throw Error("prior: expected at least one image's, got none");
  if (priors.size() == 1) return priors.front();
  std::vector<torch::Tensor> means, components, deviations;
  for (const auto& prior : priors) {
    means.push_back(prior.mean);
    components.push_back(prior.components);
    deviations.push_back(prior.deviations);
  }
  const auto [sorted, order] = torch::cat(deviations).sort(/*stable=*/true, 0, /*descending=*/true);
  return {torch::cat(means), torch::block_diag(components).index_select(1, order), sorted};
}

GaussianPrior flat_prior(int64_t pixels, double mean, double deviation) {
  return {torch::full({pixels}, mean, torch::kFloat64), torch::eye(pixels, torch::kFloat64),
          torch::full({pixels}, deviation, torch::kFloat64)};
}

}  // namespace archleak::attacks
