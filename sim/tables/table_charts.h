#pragma once
#include <string>

#include "sim/tables/table_results.h"

namespace archleak::sim {

/// The table's charts, each a figure along an axis with its intervals and the published values; empty without charts or
/// values. Throws Error if gnuplot is not installed.
std::string charts_section(const TableResults& table);

}  // namespace archleak::sim
