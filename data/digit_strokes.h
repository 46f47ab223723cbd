#pragma once
#include <cstdint>
#include <vector>

namespace archleak::data {

/// A point of a glyph; the glyph's box is 0..100 in both directions, y downwards.
struct StrokePoint {
  float x;
  float y;
};

/// The pen's way from touching the paper to leaving it: a smooth curve through these points. A corner is where one
/// stroke ends and the next begins.
using Stroke = std::vector<StrokePoint>;
using Glyph = std::vector<Stroke>;

/// The ways in which people write the digit `label`, 0 to 9.
const std::vector<Glyph>& digit_glyphs(int64_t label);

}  // namespace archleak::data
