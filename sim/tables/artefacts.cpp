#include "sim/tables/artefacts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/npy.h"

namespace archleak::sim {
namespace {

constexpr int64_t kMaxSide = 4096;

bool sound(const Artefact& artefact) {
  const auto side = [](int64_t size) { return size >= 1 && size <= kMaxSide; };
  return side(artefact.width) && side(artefact.height) && (artefact.channels == 1 || artefact.channels == 3) &&
         static_cast<int64_t>(artefact.pixels.size()) == artefact.channels * artefact.height * artefact.width &&
         std::all_of(artefact.pixels.begin(), artefact.pixels.end(), [](float p) { return p >= 0 && p <= 1; });
}

void require_sound(const Artefact& artefact) {
  if (sound(artefact)) return;
  throw DataError(fmt::format(
      "artefact '{}': expected 1 or 3 channels of pixels in [0, 1], at most {} on a side, got {} pixels for {}x{}x{}",
      artefact.name, kMaxSide, artefact.pixels.size(), artefact.channels, artefact.height, artefact.width));
}

}  // namespace

std::string encode_artefact(const Artefact& artefact) {
  require_sound(artefact);
  return encode_npy(artefact.pixels, {artefact.channels, artefact.height, artefact.width});
}

std::optional<Artefact> find_artefact(const ResultsStore& store, const std::string& hash, const std::string& name) {
  const auto bytes = store.artefact(hash, name);
  if (!bytes) return std::nullopt;
  const std::string where = fmt::format("{}: artefact '{}'", store.file().string(), name);
  FloatArray array = decode_npy(*bytes, where);
  if (array.shape.size() != 3) {
    throw DataError(fmt::format("{}: expected channels, height and width, got {} sizes", where, array.shape.size()));
  }
  Artefact artefact{name, array.shape[2], array.shape[1], array.shape[0], std::move(array.values)};
  require_sound(artefact);
  return artefact;
}

}  // namespace archleak::sim
