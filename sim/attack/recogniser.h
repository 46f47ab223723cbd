#pragma once
#include <string>

#include "attacks/reconstruction/evaluation.h"
#include "data/dataset.h"

namespace archleak::sim {

/// The classifier that a run has trained (sim/trained_model.h) on images like those of `dataset`, with that run's input
/// transform; may be called from several threads. Throws ConfigError if the run does not exist, saying how to make it.
attacks::Recogniser load_recogniser(const std::string& run_directory, const data::Dataset& dataset);

}  // namespace archleak::sim
