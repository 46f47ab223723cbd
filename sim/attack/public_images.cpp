#include "sim/attack/public_images.h"

namespace archleak::sim {

torch::Tensor pixels_of(const data::Dataset& dataset, const std::vector<int64_t>& indices) {
  const auto images = torch::empty({static_cast<int64_t>(indices.size()), dataset.shape.size()}, torch::kFloat64);
  double* to = images.data_ptr<double>();
  for (const int64_t index : indices) {
    for (const uint8_t pixel : dataset.example(index)) *to++ = pixel / 255.0;
  }
  return images;
}

std::vector<int64_t> of_class(const data::Dataset& dataset, int64_t label) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    if (dataset.labels[i] == label) indices.push_back(i);
  }
  return indices;
}

PublicImages::PublicImages(data::Dataset images, const data::Transform& input) : images_(std::move(images)) {
  const auto by_pixel = [&](const std::vector<float>& by_channel) {
    const auto values = torch::tensor(by_channel, torch::kFloat64).view({-1, 1});
    return values.expand({shape().channels, shape().height * shape().width}).flatten().contiguous();
  };
  mean_ = by_pixel(input.mean);
  deviation_ = by_pixel(input.deviation);
}

const attacks::GaussianPrior& PublicImages::prior(int64_t label) const {
  const std::lock_guard lock(mutex_);
  const auto found = priors_.find(label);
  if (found != priors_.end()) return found->second;
  const auto own = inputs(pixels_of(images_, of_class(images_, label)));
  return priors_.emplace(label, attacks::fit_gaussian_prior(own)).first->second;
}

}  // namespace archleak::sim
