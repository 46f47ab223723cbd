#include "sim/tables/image_strip.h"

#include <algorithm>
#include <cmath>

#include "sim/tables/artefacts.h"

namespace archleak::sim {
namespace {

constexpr int64_t kGap = 1;
constexpr uint8_t kLine = 255;

bool same_size(const Artefact& a, const Artefact& b) {
  return a.width == b.width && a.height == b.height && a.channels == b.channels;
}

Artefact difference(const ImageTriple& triple) {
  Artefact result = triple.original;
  for (size_t i = 0; i < result.pixels.size(); ++i) {
    result.pixels[i] = std::abs(triple.reconstruction.pixels[i] - triple.original.pixels[i]);
  }
  return result;
}

void paste(const Artefact& source, int64_t top, int64_t left, data::Image& sheet) {
  for (int64_t channel = 0; channel < source.channels; ++channel) {
    for (int64_t y = 0; y < source.height; ++y) {
      for (int64_t x = 0; x < source.width; ++x) {
        const float pixel = source.pixels[(channel * source.height + y) * source.width + x];
        sheet.pixels[((top + y) * sheet.width + left + x) * sheet.channels + channel] =
            static_cast<uint8_t>(std::lround(255 * pixel));
      }
    }
  }
}

}  // namespace

std::optional<ImageTriple> find_triple(const ResultsStore& store, const std::string& hash) {
  auto original = find_artefact(store, hash, "original");
  auto reconstruction = find_artefact(store, hash, "reconstruction");
  if (!original || !reconstruction || !same_size(*original, *reconstruction)) return std::nullopt;
  return ImageTriple{std::move(*original), std::move(*reconstruction)};
}

data::Image draw_strip(const std::vector<ImageTriple>& triples) {
  std::vector<const ImageTriple*> drawn;
  for (const ImageTriple& triple : triples) {
    if (same_size(triple.original, triples.front().original)) drawn.push_back(&triple);
  }
  if (drawn.empty()) return {};
  const Artefact& first = drawn.front()->original;
  const int64_t step_x = first.width + kGap, step_y = first.height + kGap;
  data::Image sheet{static_cast<int64_t>(drawn.size()) * step_y - kGap, 3 * step_x - kGap, first.channels, {}};
  sheet.pixels.assign(static_cast<size_t>(sheet.height * sheet.width * sheet.channels), kLine);
  for (size_t i = 0; i < drawn.size(); ++i) {
    const int64_t top = static_cast<int64_t>(i) * step_y;
    paste(drawn[i]->original, top, 0, sheet);
    paste(drawn[i]->reconstruction, top, step_x, sheet);
    paste(difference(*drawn[i]), top, 2 * step_x, sheet);
  }
  return sheet;
}

}  // namespace archleak::sim
