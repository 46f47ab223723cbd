#pragma once
#include <string>
#include <vector>

#include "core/statistics.h"

namespace archleak::sim {

/// Estimates by place under one name; estimates of nothing are left out.
struct IntervalSeries {
  std::string name;
  std::vector<Estimate> estimates;  ///< [places], in the unit of the axis
  std::vector<double> published;    ///< [places], NaN where there is none; or empty
};

/// Estimates with their intervals over places that stand side by side, joined by lines where the places are numbers,
/// and hollow marks for what others published.
struct IntervalChart {
  std::string title;  ///< shown when the pointer rests on the chart
  std::string x_label;
  std::string y_label;  ///< with its unit
  std::vector<std::string> places;
  std::vector<IntervalSeries> series;
};

/// One SVG document, 430 units wide, by running gnuplot. Throws DataError when there is nothing to draw or lengths
/// differ, Error when gnuplot is not installed or fails.
std::string draw(const IntervalChart& chart);

}  // namespace archleak::sim
