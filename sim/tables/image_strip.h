#pragma once
#include <optional>
#include <vector>

#include "core/results_store.h"
#include "data/image.h"
#include "sim/tables/experiment.h"

namespace archleak::sim {

/// An original, its reconstruction and their absolute difference, side by side.
struct ImageTriple {
  Artefact original;
  Artefact reconstruction;
};

/// The images of a row; nothing unless it has both, of one size.
std::optional<ImageTriple> find_triple(const ResultsStore& store, const std::string& hash);

/// The triples one under the other, with thin lines between: [original | reconstruction | difference]. All have the
/// size of the first; others are left out.
data::Image draw_strip(const std::vector<ImageTriple>& triples);

}  // namespace archleak::sim
