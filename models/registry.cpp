#include "models/registry.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/nearest.h"
#include "models/families.h"
#include "models/initialise.h"

namespace archleak::models {
namespace {

constexpr int64_t kMinImageSide = 28;

struct Entry {
  const char* name;
  bool images;
  std::function<std::shared_ptr<StagedNetwork>(ExampleShape, int64_t)> make;
  std::function<void(torch::nn::Module&, const at::Generator&)> restart = nullptr;  ///< after `initialise`
};

Entry resnet(const char* name, ResNetOptions options) {
  return {name, true, [options](ExampleShape shape, int64_t classes) { return make_resnet(shape, classes, options); }};
}

Entry wide_resnet(const char* name, int64_t depth, int64_t widen) {
  return {name, true,
          [=](ExampleShape shape, int64_t classes) { return make_wide_resnet(shape, classes, depth, widen); }};
}

Entry densenet(const char* name) {
  return {name, true, [](ExampleShape shape, int64_t classes) { return make_densenet(shape, classes, 40, 12); }};
}

Entry fcn(const char* name, int64_t width) {
  return {name, false, [width](ExampleShape shape, int64_t classes) { return make_fcn(shape, classes, width); },
          restart_fcn};
}

std::vector<Entry> entries() {
  const ResNetOptions resnet18{.widths = {64, 128, 256, 512}, .blocks = {2, 2, 2, 2}, .stem_pool = true};
  ResNetOptions resnet50 = resnet18;
  resnet50.blocks = {3, 4, 6, 3};
  resnet50.bottleneck = true;
  return {{"cnn", true, make_cnn},
          {"alexnet", true, make_alexnet},
          {"vgg", true, make_vgg16},
          {"vgg16", true, make_vgg16},
          resnet("resnet", resnet18),
          resnet("resnet18", resnet18),
          resnet("resnet20", {.blocks = {3, 3, 3}}),
          resnet("resnet32", {.blocks = {5, 5, 5}}),
          resnet("resnet50", resnet50),
          resnet("resnet56", {.blocks = {9, 9, 9}, .head_width = 512}),
          wide_resnet("wide_resnet", 32, 4),
          wide_resnet("wide_resnet32_4", 32, 4),
          wide_resnet("wide_resnet28_4", 28, 4),
          {"mobilenet", true, make_mobilenet},
          densenet("densenet"),
          densenet("densenet40_12"),
          fcn("fcn", 1024),
          fcn("fcn18_1", 1024),
          fcn("fcn18_2", 2048),
          fcn("fcn18_3", 3072),
          fcn("fcn18_4", 4096),
          {"column_fc", false, make_column_fc}};
}

}  // namespace

std::shared_ptr<Network> make_network(const std::string& name, ExampleShape shape, int64_t classes,
                                      const at::Generator& init) {
  for (const auto& entry : entries()) {
    if (name != entry.name) continue;
    if (classes < 2) throw ConfigError(fmt::format("network {}: expected at least 2 classes, got {}", name, classes));
    if (shape.channels < 1 || shape.height < 1 || shape.width < 1 ||
        (entry.images && std::min(shape.height, shape.width) < kMinImageSide)) {
      throw ConfigError(fmt::format("network {}: expected {}, got examples of {}x{}x{}", name,
                                    entry.images ? "images of at least 28x28" : "examples of at least one feature",
                                    shape.channels, shape.height, shape.width));
    }
    const auto network = entry.make(shape, classes);
    initialise(*network, init);
    if (entry.restart) entry.restart(*network, init);
    return network;
  }
  throw ConfigError(fmt::format("network: expected one of {}, got '{}'; the nearest is '{}'",
                                fmt::join(network_names(), ", "), name, nearest(name, network_names())));
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const auto& entry : entries()) names.emplace_back(entry.name);
  return names;
}

}  // namespace archleak::models
