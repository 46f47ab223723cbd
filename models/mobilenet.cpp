#include <utility>

#include "models/families.h"

namespace archleak::models {

std::shared_ptr<StagedNetwork> make_mobilenet(ExampleShape shape, int64_t classes) {
  const std::vector<std::pair<int64_t, int64_t>> widths_and_strides = {
      {64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
      {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  torch::nn::Sequential stem, blocks, head;
  int64_t in = 32;
  add_conv_norm_relu(*stem, shape.channels, in);
  for (const auto& [out, stride] : widths_and_strides) {
    const auto block = chain();
    add_conv_norm_relu(*block, in, in, {.stride = stride, .groups = in});
    add_conv_norm_relu(*block, in, out, {.kernel = 1});
    blocks->push_back(block);
    in = out;
  }
  add_global_pool(*head);
  add_two_layer_head(*head, in, 1024, classes);
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
