#include "data/textures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>

namespace archleak::data {
namespace {

constexpr int kSide = 32;
constexpr float kPi = std::numbers::pi_v<float>;

using Colour = std::array<float, 3>;

/// What distinguishes the classes.
struct Motif {
  int64_t orientation;  // 0..4
  int64_t frequency;    // 0..1
  int64_t shape;        // 0..4: disc, ring, square, triangle, cross
  int64_t palette;      // 0..1: neighbouring, opposite hues
};

float between(float low, float high, RandomEngine& engine) {
  return low + (high - low) * static_cast<float>(uniform(engine));
}

Colour from_hsv(float hue, float saturation, float value) {
  const auto channel = [=](float offset) {
    const float k = std::fmod(offset + 6 * (hue - std::floor(hue)), 6.0f);
    return value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f));
  };
  return {channel(5), channel(3), channel(1)};
}

/// Signed distance from (x, y) to the outline of a shape of radius one; negative inside.
float outline(int64_t shape, float x, float y) {
  const float length = std::hypot(x, y);
  switch (shape) {
    case 0:
      return length - 0.9f;
    case 1:
      return std::abs(length - 0.75f) - 0.25f;
    case 2:
      return std::max(std::abs(x), std::abs(y)) - 0.8f;
    case 3:
      return std::max(y - 0.55f, std::abs(x) * 0.866f - y * 0.5f - 0.5f);
    default:
      return std::max(std::min(std::abs(x), std::abs(y)) - 0.28f, std::max(std::abs(x), std::abs(y)) - 1);
  }
}

void draw(const Motif& motif, RandomEngine& engine, std::span<uint8_t> pixels) {
  const float angle = (static_cast<float>(motif.orientation) + between(-0.25f, 0.25f, engine)) * kPi / 5;
  const float cycles = (motif.frequency == 0 ? 3.0f : 5.6f) * between(0.85f, 1.15f, engine);
  const float phase = between(0, 2 * kPi, engine);
  const float sharpness = between(1.0f, 3.0f, engine);
  const float hue = between(0, 1, engine);
  const float other_hue = hue + (motif.palette == 0 ? between(0.06f, 0.16f, engine) : between(0.42f, 0.58f, engine));
  const std::array<Colour, 3> colours = {
      from_hsv(hue, between(0.35f, 0.9f, engine), between(0.45f, 0.95f, engine)),
      from_hsv(other_hue, between(0.35f, 0.9f, engine), between(0.25f, 0.8f, engine)),
      from_hsv(hue + between(0.2f, 0.8f, engine), between(0.1f, 0.9f, engine), between(0.15f, 1.0f, engine))};
  const float centre_x = between(10, 22, engine), centre_y = between(10, 22, engine);
  const float radius = between(5.5f, 9.5f, engine);
  const float turn = between(-0.3f, 0.3f, engine);
  const float shade_x = between(-0.25f, 0.25f, engine), shade_y = between(-0.25f, 0.25f, engine);
  std::normal_distribution<float> noise(0, between(0.03f, 0.09f, engine));

  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const float u = static_cast<float>(x) / (kSide - 1) - 0.5f, v = static_cast<float>(y) / (kSide - 1) - 0.5f;
      const float wave = std::sin(2 * kPi * cycles * (u * std::cos(angle) + v * std::sin(angle)) + phase);
      const float stripe = std::clamp(0.5f + 0.5f * sharpness * wave, 0.0f, 1.0f);
      const float dx = (static_cast<float>(x) - centre_x) / radius, dy = (static_cast<float>(y) - centre_y) / radius;
      const float distance =
          outline(motif.shape, dx * std::cos(turn) + dy * std::sin(turn), dy * std::cos(turn) - dx * std::sin(turn));
      const float inside = std::clamp(0.5f - distance * radius, 0.0f, 1.0f);
      const float shade = 1 + shade_x * u + shade_y * v;
      for (int c = 0; c < 3; ++c) {
        const float ground = stripe * colours[0][c] + (1 - stripe) * colours[1][c];
        const float value = shade * (ground + inside * (colours[2][c] - ground)) + noise(engine);
        pixels[(c * kSide + y) * kSide + x] = static_cast<uint8_t>(std::clamp(255 * value, 0.0f, 255.0f));
      }
    }
  }
}

void draw_textures10(int64_t label, RandomEngine& engine, std::span<uint8_t> pixels) {
  const int64_t orientation = label % 5, frequency = label / 5;
  draw({orientation, frequency, (2 * orientation + frequency) % 5, (orientation + frequency) % 2}, engine, pixels);
}

void draw_textures100(int64_t label, RandomEngine& engine, std::span<uint8_t> pixels) {
  draw({label / 20, label / 10 % 2, label / 2 % 5, label % 2}, engine, pixels);
}

}  // namespace

SyntheticSet textures10() {
  return {"textures10", {3, kSide, kSide}, 10, draw_textures10};
}

SyntheticSet textures100() {
  return {"textures100", {3, kSide, kSide}, 100, draw_textures100};
}

}  // namespace archleak::data
