#pragma once
#include <optional>
#include <string>

#include "core/results_store.h"
#include "sim/tables/experiment.h"

namespace archleak::sim {

/// An artefact as it is stored: a NumPy array, float32 [channels, height, width]. Throws DataError for one whose pixels
/// are not as many as its size says, or not in [0, 1], or that has neither 1 nor 3 channels.
std::string encode_artefact(const Artefact& artefact);

/// The artefact of this name of a row; nothing if it has none. Throws DataError for bytes that are no such array.
std::optional<Artefact> find_artefact(const ResultsStore& store, const std::string& hash, const std::string& name);

}  // namespace archleak::sim
