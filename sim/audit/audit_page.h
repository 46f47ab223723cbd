#pragma once
#include <string>

#include "sim/audit/scores_audit.h"

namespace archleak::sim {

/// The audit as one HTML page with everything in it; `chart` is a PNG image of the curve.
std::string render_audit(const ScoresAudit& audit, const std::string& chart);

}  // namespace archleak::sim
