#include "core/clip.h"

#include <cmath>
#include <cstddef>

namespace archleak {

double clip_to_norm(std::span<float> values, std::span<const float> center, double bound) {
  const auto middle = [&](size_t i) { return center.empty() ? 0.0 : static_cast<double>(center[i]); };
  double square = 0;
  for (size_t i = 0; i < values.size(); ++i) square += std::pow(values[i] - middle(i), 2);
  const double norm = std::sqrt(square);
  if (norm <= bound) return norm;
  const double scale = bound / norm;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(middle(i) + (values[i] - middle(i)) * scale);
  }
  return norm;
}

}  // namespace archleak
