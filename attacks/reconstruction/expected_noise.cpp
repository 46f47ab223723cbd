#include "attacks/reconstruction/expected_noise.h"

#include <cmath>

namespace archleak::attacks {
namespace {

using defenses::NoiseOptions;
using defenses::Transform;

double gaussian_variance(const NoiseOptions& noise, const torch::Tensor& sent) {
  switch (noise.unit) {
    case NoiseOptions::Unit::std:
      return noise.amount * noise.amount;
    case NoiseOptions::Unit::variance:
      return noise.amount;
    case NoiseOptions::Unit::gradient: {
      const double share = noise.amount * noise.amount;
      return sent.square().mean().item<double>() * share / (1 + share);
    }
  }
  return 0;
}

}  // namespace

torch::Tensor expected_noise(const defenses::DefenseOptions& defense, double clip_noise_std,
                             const torch::Tensor& sent) {
  const auto values = sent.detach().to(torch::kFloat64);
  const auto size = values.abs();
  auto variance = torch::zeros_like(values);
  if (defense.has(Transform::noise) && defense.noise.on != NoiseOptions::On::weights) {
    variance += gaussian_variance(defense.noise, values);
  }
  if (defense.has(Transform::clip_noise)) variance += clip_noise_std * clip_noise_std;
  if (defense.has(Transform::quantise)) {
    const double step = size.max().item<double>() / ((1 << (defense.quantise.bits - 1)) - 1);
    variance += step * step / 6;
  }
  const auto kept = size.masked_select(size > 0);
  if (defense.has(Transform::top_k) && kept.numel() > 0) {
    const double least = kept.min().item<double>();
    variance += (size == 0).to(torch::kFloat64) * (least * least / 3);
  }
  return variance.sqrt();
}

torch::Tensor expected_gradient_noise(const defenses::DefenseOptions& defense, double clip_noise_std,
                                      const torch::Tensor& sent, const torch::Tensor& alpha,
                                      const AlphaUpdate& reading) {
  if (defense.transforms.empty() || reading.kind == AlphaUpdateKind::adam) return {};
  const auto noise = expected_noise(defense, clip_noise_std, sent);
  if (noise.eq(0).all().item<bool>()) return {};
  const auto moved = sent + noise;  // the reading is linear
  return (alpha_gradient_from(moved, alpha, reading) - alpha_gradient_from(sent, alpha, reading)).abs();
}

}  // namespace archleak::attacks
