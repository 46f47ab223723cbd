#pragma once
#include <string>
#include <vector>

#include "core/statistics.h"
#include "sim/tables/table_results.h"

namespace archleak::sim {

/// How the rate of one cell moves with a threshold.
struct CellCurve {
  size_t cell = 0;
  std::vector<Estimate> rates;  ///< at each threshold of its CurveSpec, with Wilson's interval
};

/// The curve of each cell. A trial that has not measured the figure does not enter; one that has not measured another
/// of its figures is not held to that one's least value.
std::vector<CellCurve> threshold_curves(const TableResults& table, const CurveSpec& curve);

/// One row for each curve, cell and threshold: curve, the axes, figure, threshold, rate, low, high, count.
std::string render_curves_csv(const TableResults& table);

/// The curves drawn: a chart for each row of the table where it has columns, else one for every few rows. Empty
/// without curves or values. Throws Error if gnuplot is not installed.
std::string curves_section(const TableResults& table);

}  // namespace archleak::sim
