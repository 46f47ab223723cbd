#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace archleak::sim {

/// One named curve; its values belong to the x of its chart. What is not finite is left out.
struct Series {
  std::string name;
  std::vector<double> values;
};

/// Curves over a common x. The y axis begins at zero if `from_zero`, and fits the values otherwise.
struct LineChart {
  std::string title;  ///< shown when the pointer rests on the chart
  std::string x_label;
  std::string y_label;  ///< with its unit
  std::vector<double> x;
  std::vector<Series> series;
  bool from_zero = false;
};

/// Layers that add up: one bar for each x, or areas when there are too many for bars. Values are at least 0.
struct StackedChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<double> x;
  std::vector<Series> layers;
};

/// Counts of examples by client and class.
struct ClassChart {
  std::string title;
  std::vector<std::string> class_names;      ///< [classes]
  std::vector<std::vector<int64_t>> counts;  ///< [clients][classes]
};

/// Each draws one SVG document, 430 or 880 units wide, by running gnuplot. Throw DataError when there is nothing to
/// draw or lengths differ, Error when gnuplot is not installed or fails.
std::string draw(const LineChart& chart);
std::string draw(const StackedChart& chart);
/// Stacked bars for at most 40 clients and 10 classes; for more, a heat map in which clients with the same largest
/// class stand together.
std::string draw(const ClassChart& chart);

}  // namespace archleak::sim
