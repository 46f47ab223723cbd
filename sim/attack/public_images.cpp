#include "sim/attack/public_images.h"

#include <spdlog/fmt/fmt.h>

#include <numeric>

#include "core/error.h"
#include "data/batch.h"
#include "sim/trained_model.h"

namespace archleak::sim {
namespace {

torch::Tensor as_images(const data::Dataset& dataset, const std::vector<int64_t>& indices) {
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

attacks::Recogniser load_recogniser(const std::string& directory, const data::Dataset& dataset) {
  if (!std::filesystem::exists(directory)) {
    throw ConfigError(
        fmt::format("success.classifier: expected the directory of a finished run, got {}, which does "
                    "not exist; make it with `archleak run configs/mnist-classifier.toml --out {}`",
                    directory, directory));
  }
  const auto trained = std::make_shared<TrainedModel>(load_trained_model(directory, dataset.shape, dataset.classes));
  const auto transform = data::without_augmentation(data::make_transform(trained->run.data, dataset));
  const auto shape = dataset.shape;
  const auto by_channel = [&](const std::vector<float>& values) {
    return torch::tensor(values, torch::kFloat32).view({1, -1, 1, 1});
  };
  const auto mean = by_channel(transform.mean), deviation = by_channel(transform.deviation);
  const auto one_at_a_time = std::make_shared<std::mutex>();
  return [=](const torch::Tensor& images) {
    const torch::NoGradGuard no_grad;
    const std::lock_guard lock(*one_at_a_time);
    const auto input = images.to(torch::kFloat32)
                           .view({images.size(0), shape.channels, shape.height, shape.width})
                           .sub(mean)
                           .div(deviation);
    return torch::softmax(trained->model.network->forward(input).to(torch::kFloat64), 1);
  };
}

}  // namespace

std::shared_ptr<const PublicImages> PublicImages::load(const data::DataOptions& options) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const PublicImages>> loaded;
  const auto key = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", options.name, data::data_root(options.root).string(),
                               options.path, options.train_limit, options.test_limit, options.train_size,
                               options.test_size, options.image_size, options.region_of_interest);
  const std::lock_guard lock(mutex);
  auto found = loaded[key].lock();
  if (!found) {
    auto splits = data::load(options, /*seed=*/1);
    loaded[key] = found = std::make_shared<const PublicImages>(std::move(splits.test), std::move(splits.train));
  }
  return found;
}

PublicImages::PublicImages(data::Dataset victims, data::Dataset open, const data::Transform& input)
    : victims_(std::move(victims)), public_(std::move(open)) {
  const auto by_pixel = [&](const std::vector<float>& by_channel) {
    const auto values = torch::tensor(by_channel, torch::kFloat64).view({-1, 1});
    return values.expand({shape().channels, shape().height * shape().width}).flatten().contiguous();
  };
  mean_ = by_pixel(input.mean);
  deviation_ = by_pixel(input.deviation);
}

torch::Tensor PublicImages::victim(int64_t index) const {
  return as_images(victims_, {index})[0];
}

torch::Tensor PublicImages::same_class(int64_t victim, int64_t count) const {
  auto indices = of_class(victims_, label(victim));
  std::erase(indices, victim);
  indices.resize(std::min<size_t>(indices.size(), count));
  return as_images(victims_, indices);
}

const attacks::GaussianPrior& PublicImages::prior(int64_t label) const {
  const std::lock_guard lock(mutex_);
  const auto found = priors_.find(label);
  if (found != priors_.end()) return found->second;
  const auto inputs = (as_images(public_, of_class(public_, label)) - mean_) / deviation_;
  return priors_.emplace(label, attacks::fit_gaussian_prior(inputs)).first->second;
}

attacks::Recogniser PublicImages::recogniser(const std::string& run_directory) const {
  const std::lock_guard lock(mutex_);
  const auto found = recognisers_.find(run_directory);
  if (found != recognisers_.end()) return found->second;
  return recognisers_.emplace(run_directory, load_recogniser(run_directory, public_)).first->second;
}

}  // namespace archleak::sim
