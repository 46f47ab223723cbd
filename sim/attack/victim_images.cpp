#include "sim/attack/victim_images.h"

#include "sim/attack/public_images.h"

namespace archleak::sim {

torch::Tensor VictimImages::image(int64_t index) const {
  return pixels_of(images_, {index})[0];
}

torch::Tensor VictimImages::same_class(int64_t index, int64_t count, int64_t without) const {
  auto indices = of_class(images_, label(index));
  std::erase(indices, index);
  std::erase(indices, without);
  indices.resize(std::min<size_t>(indices.size(), count));
  return pixels_of(images_, indices);
}

std::optional<int64_t> VictimImages::another(int64_t index, RandomEngine& engine) const {
  auto indices = of_class(images_, label(index));
  std::erase(indices, index);
  if (indices.empty()) return std::nullopt;
  return indices[uniform_index(std::ssize(indices), engine)];
}

}  // namespace archleak::sim
