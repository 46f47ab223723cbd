#pragma once
#include <string>
#include <vector>

#include "attacks/membership/evaluator.h"

namespace archleak::sim {

/// Draws a curve as a PNG image with two panels: both axes linear, and both logarithmic from 0.001 %, where the attacks
/// differ that matter (Carlini et al. 2022). In the latter, the rates at 1 % and 0.1 % stand with their intervals, and
/// what so few non-members cannot show is shaded. Throws Error when gnuplot is not installed or fails.
std::string draw_roc(const attacks::RocCurve& curve, const attacks::Evaluation& evaluation);

/// One of several curves about the same samples.
struct NamedCurve {
  std::string name;
  attacks::RocCurve curve;
  int64_t nonmembers = 0;
};

/// The same panels with several curves, at least one, and no rates. Throws as draw_roc.
std::string draw_rocs(const std::vector<NamedCurve>& curves);

}  // namespace archleak::sim
