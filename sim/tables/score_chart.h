#pragma once
#include <string>

#include "sim/tables/experiment.h"

namespace archleak::sim {

/// The distributions of an attack's scores, of members and of non-members, each as shares of its own samples, with a
/// line at zero, from which on the attack says "member". The outermost bars have what lies beyond the middle 98 %. One
/// SVG document; `title` is shown when the pointer rests on it. Throws DataError where one of the two is missing, Error
/// when gnuplot is not installed or fails.
std::string draw_scores(const SampleScores& scores, const std::string& title);

}  // namespace archleak::sim
