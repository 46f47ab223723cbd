#include "nas/derived_network.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "models/initialise.h"
#include "models/layers.h"
#include "nas/derived_cell.h"

namespace archleak::nas {

using models::BatchNorm;

constexpr int64_t kStemMultiplier = 3;
constexpr int64_t kMinSide = 8;

/// ReLU, average pooling to 2x2, 1x1 convolution to 128, 2x2 convolution to 768, linear; each convolution with batch
/// norm and ReLU.
class AuxiliaryHead : public torch::nn::Module {
 public:
  AuxiliaryHead(int64_t channels, int64_t height, int64_t width, int64_t classes) {
    const auto options = torch::nn::AvgPool2dOptions({window(height), window(width)})
                             .stride({height - window(height), width - window(width)});
    features_ = register_module("features", models::chain(torch::nn::ReLU(), torch::nn::AvgPool2d(options),
                                                          models::convolution(channels, 128, {.kernel = 1}),
                                                          std::make_shared<BatchNorm>(128, true), torch::nn::ReLU(),
                                                          models::convolution(128, 768, {.kernel = 2, .padding = 0}),
                                                          std::make_shared<BatchNorm>(768, true), torch::nn::ReLU()));
    classifier_ = register_module("classifier", torch::nn::Linear(768, classes));
  }

  torch::Tensor forward(const torch::Tensor& input) {
    return classifier_->forward(features_->forward(input).flatten(1));
  }

 private:
  /// Two windows of this side, one at each end, cover `side`: 5 of 8, as in the original.
  static int64_t window(int64_t side) { return std::min((5 * side + 7) / 8, side - 1); }

  std::shared_ptr<models::Chain> features_;
  torch::nn::Linear classifier_{nullptr};
};

void describe(ConfigSection section, DerivedOptions& options) {
  section.read("channels", options.channels, {.min = 1, .max = 4096}, "channels of a node before the first reduction");
  section.read("layers", options.layers, {.min = 1, .max = 1000}, "cells; those at 1/3 and 2/3 are reductions");
  section.read("auxiliary", options.auxiliary, "a second classifier at two thirds of the depth, for training");
}

DerivedNetwork::DerivedNetwork(const Genotype& genotype, const DerivedOptions& options, ExampleShape shape,
                               int64_t classes, const at::Generator& init)
    : auxiliary_cell_(2 * options.layers / 3) {
  validate(genotype, "derived network");
  if (options.channels < 1 || options.layers < 1 || classes < 2) {
    throw ConfigError(fmt::format("derived network: expected channels >= 1, layers >= 1, classes >= 2, got {}, {}, {}",
                                  options.channels, options.layers, classes));
  }
  if (shape.channels < 1 || std::min(shape.height, shape.width) < kMinSide) {
    throw ConfigError(fmt::format("derived network: expected images of at least {0}x{0}, got {1}x{2}x{3}", kMinSide,
                                  shape.channels, shape.height, shape.width));
  }
  int64_t channels = options.channels, height = shape.height, width = shape.width;
  int64_t previous = kStemMultiplier * channels, before_previous = previous;
  stem_ = register_module("stem", torch::nn::Sequential(models::convolution(shape.channels, previous),
                                                        std::make_shared<BatchNorm>(previous, true)));
  torch::nn::ModuleList cells;
  bool previous_reduction = false;
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    const bool reduction = layer == options.layers / 3 || layer == auxiliary_cell_;
    if (reduction) {
      channels *= 2;
      height = (height + 1) / 2;
      width = (width + 1) / 2;
    }
    const auto& edges = reduction ? genotype.reduce : genotype.normal;
    const auto& concat = reduction ? genotype.reduce_concat : genotype.normal_concat;
    cells_.push_back(std::make_shared<DerivedCell>(
        edges, concat, DerivedCell::Shape{before_previous, previous, channels, reduction, previous_reduction}));
    cells->push_back(cells_.back());
    previous_reduction = reduction;
    before_previous = previous;
    previous = static_cast<int64_t>(concat.size()) * channels;
    if (layer == auxiliary_cell_ && options.auxiliary) {
      auxiliary_head_ = std::make_shared<AuxiliaryHead>(previous, height, width, classes);
    }
  }
  register_module("cells", cells);
  if (auxiliary_head_) register_module("auxiliary_head", auxiliary_head_);
  classifier_ = register_module("classifier", torch::nn::Linear(previous, classes));
  for (const auto& part : children()) models::initialise(*part, init);  // a module under construction cannot be walked
}

torch::Tensor DerivedNetwork::forward(const torch::Tensor& images) {
  const double drop_path = is_training() ? drop_path_ : 0;
  auxiliary_logits_.reset();
  torch::Tensor previous = stem_->forward(images.contiguous(torch::MemoryFormat::ChannelsLast));
  previous = previous.contiguous(torch::MemoryFormat::ChannelsLast);
  torch::Tensor before_previous = previous;
  for (size_t layer = 0; layer < cells_.size(); ++layer) {
    torch::Tensor output = cells_[layer]->forward(before_previous, previous, drop_path, generator_);
    before_previous = std::exchange(previous, std::move(output));
    if (static_cast<int64_t>(layer) == auxiliary_cell_ && auxiliary_head_ && is_training()) {
      auxiliary_logits_ = auxiliary_head_->forward(previous);
    }
  }
  return classifier_->forward(previous.mean({2, 3}));
}

const torch::Tensor& DerivedNetwork::auxiliary_logits() const {
  if (!auxiliary_logits_.defined()) {
    throw Error("derived network: expected a training forward with an auxiliary head before its logits are read");
  }
  return auxiliary_logits_;
}

void DerivedNetwork::set_drop_path(double probability) {
  if (!(probability >= 0 && probability < 1)) {
    throw ConfigError(fmt::format("drop-path: expected a probability of at least 0 and below 1, got {}", probability));
  }
  drop_path_ = probability;
}

}  // namespace archleak::nas
