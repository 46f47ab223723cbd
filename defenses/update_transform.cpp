#include "defenses/update_transform.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "core/clip.h"
#include "core/error.h"

namespace archleak::defenses {
namespace {

/// Clipped values are rounded to float, each by a factor of at most 1 + 2^-24: clipping this much lower keeps the norm
/// below the bound itself.
constexpr double kRoundingMargin = 1 - 0x1p-23;

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

double noise_std(const NoiseOptions& noise, std::span<const float> values) {
  switch (noise.unit) {
    case NoiseOptions::Unit::std:
      return noise.amount;
    case NoiseOptions::Unit::variance:
      return std::sqrt(noise.amount);
    case NoiseOptions::Unit::gradient:
      return noise.amount * root_mean_square(values);
  }
  return 0;
}

}  // namespace

void add_gaussian_noise(std::span<float> values, double std, RandomEngine& engine) {
  if (std == 0) return;
  std::normal_distribution<double> noise(0, std);
  for (float& value : values) value = static_cast<float>(value + noise(engine));
}

void clip_and_add_noise(std::span<float> values, double clip, double std, RandomEngine& engine) {
  clip_to_norm(values, {}, clip * kRoundingMargin);
  add_gaussian_noise(values, std, engine);
}

void keep_largest(std::span<float> values, double share, std::span<float> residual) {
  if (!residual.empty() && residual.size() != values.size()) {
    throw DataError(fmt::format("residual: expected {} values, got {}", values.size(), residual.size()));
  }
  for (size_t i = 0; i < residual.size(); ++i) values[i] += residual[i];
  // The margin keeps 0.1 * 30 values at three.
  const auto kept = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size()) - 1e-9));
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  if (kept < order.size()) {
    const auto larger = [&](size_t a, size_t b) {
      const float x = std::abs(values[a]);
      const float y = std::abs(values[b]);
      return x > y || (x == y && a < b);
    };
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), larger);
  }
  std::fill(residual.begin(), residual.end(), 0.0f);
  for (size_t place = kept; place < order.size(); ++place) {
    float& value = values[order[place]];
    if (!residual.empty()) residual[order[place]] = value;
    value = 0;
  }
}

void quantise(std::span<float> values, int bits, RandomEngine& engine) {
  double largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(static_cast<double>(value)));
  if (largest == 0) return;
  const double levels = (1 << (bits - 1)) - 1;
  for (float& value : values) {
    const double level = std::floor(value / largest * levels + uniform(engine));
    value = static_cast<float>(largest * std::min(level, levels) / levels);
  }
}

UpdateDefense::UpdateDefense(const DefenseOptions& options, double clip_noise_std)
    : options_(options), clip_noise_std_(clip_noise_std) {
  const bool in_range = options.noise.amount >= 0 && options.clip_noise.clip > 0 && clip_noise_std >= 0 &&
                        options.top_k.share > 0 && options.top_k.share <= 1 && options.quantise.bits >= 2 &&
                        options.quantise.bits <= 16;
  if (!in_range) throw ConfigError("defenses: expected options in the ranges of [defense], got others");
}

bool UpdateDefense::keeps_residual() const {
  return options_.has(Transform::top_k) && options_.top_k.error_feedback;
}

void UpdateDefense::apply(std::span<float> update, const UpdateLayout& layout, const UpdateKey& key,
                          std::vector<float>* residual) const {
  if (empty()) return;
  if (static_cast<int64_t>(update.size()) != layout.size()) {
    throw DataError(fmt::format("update: expected {} values, got {}", layout.size(), update.size()));
  }
  const auto trained = update.first(static_cast<size_t>(layout.trained()));
  if (!std::all_of(trained.begin(), trained.end(), [](float value) { return std::isfinite(value); })) {
    throw DataError("update: expected finite values, got infinity or NaN");
  }
  const auto weights = static_cast<size_t>(layout.weights);
  std::span<float> held;
  if (keeps_residual()) {
    if (!residual) throw DataError("update: expected the client's residual for error feedback, got none");
    if (residual->empty()) residual->resize(trained.size());
    if (residual->size() != trained.size()) {
      throw DataError(fmt::format("residual: expected {} values, got {}", trained.size(), residual->size()));
    }
    held = *residual;
  }
  for (const Transform transform : options_.transforms) {
    RandomEngine engine = make_engine(
        {.seed = key.seed, .round = key.round, .client = key.client, .purpose = name_of(transform), .index = 0});
    const auto each_segment = [&](const auto& apply_to) {
      for (const auto& [first, size] : {std::pair{size_t{0}, weights}, std::pair{weights, trained.size() - weights}}) {
        if (size > 0) apply_to(trained.subspan(first, size), first);
      }
    };
    switch (transform) {
      case Transform::noise:
        each_segment([&](std::span<float> segment, size_t first) {
          const auto here = first == 0 && weights > 0 ? NoiseOptions::On::weights : NoiseOptions::On::alpha;
          if (options_.noise.on != NoiseOptions::On::both && options_.noise.on != here) return;
          add_gaussian_noise(segment, noise_std(options_.noise, segment), engine);
        });
        break;
      case Transform::clip_noise:
        clip_and_add_noise(trained, options_.clip_noise.clip, clip_noise_std_, engine);
        break;
      case Transform::top_k:
        each_segment([&](std::span<float> segment, size_t first) {
          keep_largest(segment, options_.top_k.share, held.empty() ? held : held.subspan(first, segment.size()));
        });
        break;
      case Transform::quantise:
        each_segment([&](std::span<float> segment, size_t) { quantise(segment, options_.quantise.bits, engine); });
        break;
    }
  }
}

}  // namespace archleak::defenses
