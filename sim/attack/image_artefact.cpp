#include "sim/attack/image_artefact.h"

namespace archleak::sim {

Artefact image_artefact(const std::string& name, const torch::Tensor& image, ExampleShape shape) {
  const auto pixels = image.detach().clamp(0, 1).to(torch::kFloat32).contiguous();
  return {.name = name,
          .width = shape.width,
          .height = shape.height,
          .channels = shape.channels,
          .pixels = {pixels.data_ptr<float>(), pixels.data_ptr<float>() + pixels.numel()}};
}

}  // namespace archleak::sim
