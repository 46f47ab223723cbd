#include "sim/attack/recogniser.h"

#include <spdlog/fmt/fmt.h>

#include <filesystem>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "data/batch.h"
#include "sim/trained_model.h"

namespace archleak::sim {

attacks::Recogniser load_recogniser(const std::string& run_directory, const data::Dataset& dataset) {
  if (!std::filesystem::exists(run_directory)) {
    throw ConfigError(
        fmt::format("success.classifier: expected the directory of a finished run, got {}, which does "
                    "not exist; make it with `archleak run configs/mnist-classifier.toml --out {}`",
                    run_directory, run_directory));
  }
  const auto trained =
      std::make_shared<TrainedModel>(load_trained_model(run_directory, dataset.shape, dataset.classes));
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

}  // namespace archleak::sim
