#include "sim/attack/victim_images.h"

#include "sim/attack/public_images.h"

namespace archleak::sim {

torch::Tensor VictimImages::image(int64_t index) const {
  return pixels_of(images_, {index})[0];
}

torch::Tensor VictimImages::same_class(int64_t index, int64_t count) const {
  auto indices = of_class(images_, label(index));
  std::erase(indices, index);
  indices.resize(std::min<size_t>(indices.size(), count));
  return pixels_of(images_, indices);
}

}  // namespace archleak::sim
