#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "core/shape.h"
#include "models/staged_network.h"

// The families behind the names in models/registry.h. Weights are as torch constructs them: the registry draws them.
namespace archleak::models {

/// Two 3x3 convolutions (32, 64) with ReLU and 2x2 pooling, one hidden layer of 128 (Rezaei and Liu 2021's CNN).
std::shared_ptr<StagedNetwork> make_cnn(ExampleShape shape, int64_t classes);

/// AlexNet for small images: five convolutions, the first 11x11 with stride 4, one linear layer. The last pooling is
/// left out where its input has side one.
std::shared_ptr<StagedNetwork> make_alexnet(ExampleShape shape, int64_t classes);

/// VGG-16 with batch norm; a block is a convolution with its batch norm, ReLU and, where there is one, pooling (left
/// out where its input has side one). Head: 512 with ReLU and dropout, then the two-layer head.
std::shared_ptr<StagedNetwork> make_vgg16(ExampleShape shape, int64_t classes);

/// ResNet: `widths` and `blocks` say how many channels each stage has and how many blocks; shortcuts that change the
/// shape are 1x1 convolutions with batch norm.
struct ResNetOptions {
  std::vector<int64_t> widths = {16, 32, 64};
  std::vector<int64_t> blocks = {3, 3, 3};  ///< as many as widths
  bool bottleneck = false;                  ///< blocks of 1x1, 3x3 and 1x1, whose output is four times as wide
  bool stem_pool = false;                   ///< a 3x3 max pooling with stride 2 after the first convolution
  int64_t head_width = 0;                   ///< of the two-layer head; 0: one linear layer
};
std::shared_ptr<StagedNetwork> make_resnet(ExampleShape shape, int64_t classes, const ResNetOptions& options);

/// Wide ResNet (pre-activation, dropout 0.3, convolutions with bias): (depth - 2) / 6 blocks a stage, rounded down, of
/// 16, 32 and 64 times `widen` channels; two-layer head.
std::shared_ptr<StagedNetwork> make_wide_resnet(ExampleShape shape, int64_t classes, int64_t depth, int64_t widen);

/// MobileNet of the first kind: thirteen blocks of depthwise and pointwise convolution; two-layer head of width 1024.
std::shared_ptr<StagedNetwork> make_mobilenet(ExampleShape shape, int64_t classes);

/// DenseNet without bottlenecks or compression: three stages of (depth - 4) / 3 layers of `growth` channels each.
std::shared_ptr<StagedNetwork> make_densenet(ExampleShape shape, int64_t classes, int64_t depth, int64_t growth);

/// Five hidden layers of `width` with batch norm, then three linear layers (width, 512, classes) with dropout between
/// and no ReLU: FCN-18. Linear weights start as N(0, 0.01), which `restart_fcn` draws.
std::shared_ptr<StagedNetwork> make_fcn(ExampleShape shape, int64_t classes, int64_t width);
void restart_fcn(torch::nn::Module& network, const at::Generator& generator);

/// 256, 128 and classes, with ReLU and dropout 0.1 (Yuan and Zhang 2022's network for tables).
std::shared_ptr<StagedNetwork> make_column_fc(ExampleShape shape, int64_t classes);

}  // namespace archleak::models
