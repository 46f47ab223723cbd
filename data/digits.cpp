#include "data/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "data/digit_strokes.h"

namespace archleak::data {
namespace {

constexpr int kSide = 28;
constexpr float kGlyphPixels = 19;  // height of an average digit
constexpr int kStepsPerPoint = 6;

float between(float low, float high, RandomEngine& engine) {
  return low + (high - low) * static_cast<float>(uniform(engine));
}

/// Maps glyph points to pixels: size, slant, rotation and place of one handwriting.
class Handwriting {
 public:
  explicit Handwriting(RandomEngine& engine) {
    const float height = kGlyphPixels / 100 * between(0.85f, 1.12f, engine);
    const float width = height * between(0.75f, 1.2f, engine);
    const float slant = between(-0.15f, 0.4f, engine);
    const float angle = between(-0.2f, 0.2f, engine);
    const float cosine = std::cos(angle), sine = std::sin(angle);
    xx_ = cosine * width;
    xy_ = -cosine * slant * height - sine * height;
    yx_ = sine * width;
    yy_ = -sine * slant * height + cosine * height;
    x_ = (kSide - 1) / 2.0f + between(-1.5f, 1.5f, engine);
    y_ = (kSide - 1) / 2.0f + between(-1.5f, 1.5f, engine);
  }

  StrokePoint operator()(StrokePoint point) const {
    const float x = point.x - 50, y = point.y - 50;
    return {x_ + xx_ * x + xy_ * y, y_ + yx_ * x + yy_ * y};
  }

 private:
  float xx_, xy_, yx_, yy_, x_, y_;
};

StrokePoint catmull_rom(StrokePoint a, StrokePoint b, StrokePoint c, StrokePoint d, float t) {
  const auto blend = [t](float p, float q, float r, float s) {
    return q + 0.5f * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
  };
  return {blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)};
}

/// A curve through the points of `stroke` as a fine polyline.
Stroke smooth(const Stroke& stroke) {
  Stroke line = {stroke.front()};
  const auto last = static_cast<int>(stroke.size()) - 1;
  for (int i = 0; i < last; ++i) {
    for (int step = 1; step <= kStepsPerPoint; ++step) {
      line.push_back(catmull_rom(stroke[std::max(i - 1, 0)], stroke[i], stroke[i + 1], stroke[std::min(i + 2, last)],
                                 static_cast<float>(step) / kStepsPerPoint));
    }
  }
  return line;
}

/// Squared distances of pixels to the nearest line so far.
using DistanceField = std::array<float, kSide * kSide>;

void approach(StrokePoint from, StrokePoint to, float reach, DistanceField& field) {
  const float dx = to.x - from.x, dy = to.y - from.y;
  const float length = std::max(dx * dx + dy * dy, 1e-6f);
  const int left = std::max(0, static_cast<int>(std::min(from.x, to.x) - reach));
  const int right = std::min(kSide - 1, static_cast<int>(std::max(from.x, to.x) + reach + 1));
  const int top = std::max(0, static_cast<int>(std::min(from.y, to.y) - reach));
  const int bottom = std::min(kSide - 1, static_cast<int>(std::max(from.y, to.y) + reach + 1));
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      const float px = static_cast<float>(x) - from.x, py = static_cast<float>(y) - from.y;
      const float along = std::clamp((px * dx + py * dy) / length, 0.0f, 1.0f);
      const float ex = px - along * dx, ey = py - along * dy;
      float& distance = field[y * kSide + x];
      distance = std::min(distance, ex * ex + ey * ey);
    }
  }
}

void draw_digit(int64_t label, RandomEngine& engine, std::span<uint8_t> pixels) {
  const auto& glyphs = digit_glyphs(label);
  const Glyph& glyph = glyphs[uniform_index(static_cast<int64_t>(glyphs.size()), engine)];
  const Handwriting handwriting(engine);
  const float radius = between(0.75f, 1.65f, engine);
  const float softness = between(0.9f, 1.4f, engine);
  const float ink = between(215, 255, engine);
  std::normal_distribution<float> shake(0, 3.2f);
  std::normal_distribution<float> noise(0, 5);

  DistanceField field;
  field.fill(1e6f);
  for (const Stroke& stroke : glyph) {
    Stroke shaken;
    for (const StrokePoint point : stroke) {
      const float dx = shake(engine), dy = shake(engine);
      shaken.push_back(handwriting({point.x + dx, point.y + dy}));
    }
    const Stroke line = smooth(shaken);
    for (size_t i = 0; i + 1 < line.size(); ++i) approach(line[i], line[i + 1], radius + softness, field);
  }
  for (int i = 0; i < kSide * kSide; ++i) {
    const float cover = std::clamp((radius - std::sqrt(field[i])) / softness + 0.5f, 0.0f, 1.0f);
    pixels[i] = static_cast<uint8_t>(std::clamp(ink * cover + noise(engine), 0.0f, 255.0f));
  }
}

}  // namespace

SyntheticSet digits() {
  return {"digits", {1, kSide, kSide}, 10, draw_digit};
}

}  // namespace archleak::data
