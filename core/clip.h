#pragma once
#include <span>

namespace archleak {

/// Scales `values` about `center` (empty: zero) so that the Euclidean distance is at most `bound`; returns the distance
/// before.
double clip_to_norm(std::span<float> values, std::span<const float> center, double bound);

}  // namespace archleak
