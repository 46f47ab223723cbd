#pragma once
#include <vector>

#include "sim/tables/experiment.h"

namespace archleak::sim {

/// The experiments that this program knows. A new one is a file, NAME_experiment.cpp, with a function that returns it,
/// and a line here.
std::vector<Experiment> experiments();

}  // namespace archleak::sim
