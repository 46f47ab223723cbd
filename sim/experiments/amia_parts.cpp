#include "sim/experiments/amia_parts.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "data/fit.h"
#include "data/load.h"

namespace archleak::sim {
namespace {

/// Hands out the examples of a data set in a random order, each once.
class Draw {
 public:
  Draw(const data::Dataset& from, uint64_t seed, const char* purpose) : from_(from) {
    RandomEngine engine = make_engine({.seed = seed, .purpose = purpose});
    order_ = random_permutation(from.size(), engine);
  }

  data::Dataset next(int64_t count) {
    if (used_ + count > from_.size()) {
      throw ConfigError(fmt::format("parts: expected at most {} examples of {} in all, got {} or more", from_.size(),
                                    from_.name, used_ + count));
    }
    const auto begin = order_.begin() + used_;
    used_ += count;
    return data::subset(from_, std::vector<int64_t>(begin, begin + count));
  }

 private:
  const data::Dataset& from_;
  std::vector<int64_t> order_;
  int64_t used_ = 0;
};

}  // namespace

AmiaParts draw_parts(const AmiaSettings& settings, const data::Dataset& train, uint64_t seed) {
  const auto& sizes = settings.parts;
  const auto own = [&](int64_t count) { return std::llround(settings.attack.eta * static_cast<double>(count)); };
  Draw draw(train, seed, "amia parts");
  AmiaParts parts{.target = draw.next(sizes.target),
                  .nonmembers = draw.next(sizes.nonmembers),
                  .shadow = draw.next(own(sizes.shadow)),
                  .shadow_nonmembers = draw.next(own(sizes.shadow_nonmembers)),
                  .reference = {},
                  .shadow_reference = {},
                  .population = {}};
  if (settings.distil || settings.train.defense.adversarial.enabled) {
    parts.reference = draw.next(sizes.reference);
    if (settings.attack.knows_defense) parts.shadow_reference = draw.next(sizes.reference);
  }
  std::vector<std::pair<data::Dataset*, int64_t>> attackers{{&parts.shadow, sizes.shadow},
                                                            {&parts.shadow_nonmembers, sizes.shadow_nonmembers}};
  if (settings.attack.shadows > 1) {
    parts.population = draw.next(own(sizes.population));
    attackers.emplace_back(&parts.population, sizes.population);
  }
  if (settings.attack.eta == 1) return parts;

  data::DataOptions options = settings.data;
  options.name = settings.attack.unrelated;
  const auto others = data::load(options, seed).train;
  Draw unrelated(others, seed, "amia unrelated");
  for (const auto& [part, count] : attackers) {
    data::append(*part, data::fit(unrelated.next(count - own(count)), train.shape, train.classes));
  }
  return parts;
}

std::vector<int64_t> shadow_places(const AmiaParts& parts, int64_t shadow, uint64_t seed) {
  std::vector<int64_t> places(parts.shadow.size() + parts.shadow_nonmembers.size());
  std::iota(places.begin(), places.end(), 0);
  if (shadow > 0) {
    RandomEngine engine = make_engine({.seed = seed, .purpose = "amia shadow examples", .index = shadow});
    places = random_permutation(std::ssize(places), engine);
  }
  places.resize(parts.shadow.size());
  return places;
}

}  // namespace archleak::sim
