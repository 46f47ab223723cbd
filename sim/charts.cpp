#include "sim/charts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "sim/chart_frame.h"
#include "sim/gnuplot.h"

namespace archleak::sim {
namespace {

constexpr size_t kMostBars = 60;  // rounds
constexpr size_t kMostClientBars = 40;
constexpr size_t kMostMarkedPoints = 40;  // rounds
constexpr size_t kMostClassLabels = 30;

/// Throws DataError unless every series has one value for each x.
void check_lengths(const std::vector<double>& x, const std::vector<Series>& series) {
  if (x.empty() || series.empty()) throw DataError("expected a chart with values, got an empty one");
  for (const Series& one : series) {
    if (one.values.size() == x.size()) continue;
    throw DataError(fmt::format("{}: expected {} values, got {}", one.name, x.size(), one.values.size()));
  }
}

/// Rounds are whole numbers: no ticks between them, and room on both sides of a single one.
std::string x_range(const std::vector<double>& x, double margin) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const double span = *high - *low;
  const bool whole = std::all_of(x.begin(), x.end(), [](double value) { return value == std::round(value); });
  if (!whole) return fmt::format("set xrange [{}:{}]\n", *low, *high);
  std::string range = fmt::format("set xrange [{}:{}]\n", *low - margin, *high + margin);
  if (span <= 8) range += "set xtics 1\n";
  return range;
}

/// A data block and a curve for each series; a round that was not measured is left out, not drawn as a break.
std::string lines_plot(const LineChart& chart) {
  std::string blocks;
  std::string curves;
  size_t longest = 0;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    longest = std::max(longest, series.name.size());
    size_t points = 0;
    blocks += fmt::format("$data{} << END\n", i);
    for (size_t k = 0; k < chart.x.size(); ++k) {
      if (!std::isfinite(series.values[k])) continue;
      blocks += fmt::format("{} {}\n", chart.x[k], series.values[k]);
      ++points;
    }
    blocks += "END\n";
    if (points == 0) continue;
    curves += fmt::format("{}$data{} using 1:2 with {} lw 1.8 lc rgb '{}' title {}", curves.empty() ? "plot " : ", ", i,
                          points <= kMostMarkedPoints ? "linespoints pt 7 ps 0.5" : "lines",
                          kChartColours[i % kChartColours.size()], gnuplot_quote(series.name));
  }
  if (curves.empty()) throw DataError("expected a chart with values, got only absent ones");
  return blocks + (chart.series.size() == 1 ? "unset key\n" : key_columns(longest)) + curves + '\n';
}

/// Running sums, the highest layer first, so that lower ones cover it and the key reads as the bars do.
std::string stacked_plot(const std::vector<double>& x, const std::vector<Series>& layers, const std::string& style) {
  std::string block = "$data << END\n";
  for (size_t i = 0; i < x.size(); ++i) {
    block += fmt::format("{}", x[i]);
    double below = 0;
    for (const Series& layer : layers) {
      if (std::isfinite(layer.values[i])) below += layer.values[i];
      block += fmt::format(" {}", below);
    }
    block += '\n';
  }
  std::string plot = "plot ";
  for (size_t i = layers.size(); i-- > 0;) {
    plot += fmt::format("{}$data using 1:{} with {} fs solid noborder lc rgb '{}' title {}",
                        i + 1 < layers.size() ? ", " : "", i + 2, style, kChartColours[i % kChartColours.size()],
                        gnuplot_quote(layers[i].name));
  }
  return block + "END\n" + plot + '\n';
}

std::string draw_class_bars(const ClassChart& chart) {
  std::vector<double> clients(chart.counts.size());
  std::iota(clients.begin(), clients.end(), 0);
  std::vector<Series> layers;
  for (size_t c = 0; c < chart.class_names.size(); ++c) {
    Series layer{chart.class_names[c], {}};
    for (const auto& counts : chart.counts) layer.values.push_back(static_cast<double>(counts[c]));
    layers.push_back(std::move(layer));
  }
  return run_drawing(chart_frame(kFullChartWidth, 300, "client", "examples") + x_range(clients, 0.6) +
                         "set yrange [0:*]\nset boxwidth 0.75\nset key outside right center vertical\n" +
                         stacked_plot(clients, layers, "boxes"),
                     chart.title);
}

/// The clients in the order of their largest class, then of its share.
std::vector<size_t> by_largest_class(const ClassChart& chart) {
  std::vector<size_t> order(chart.counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t client) {
    const auto& counts = chart.counts[client];
    const auto largest = std::max_element(counts.begin(), counts.end());
    const auto total = std::max<int64_t>(1, std::accumulate(counts.begin(), counts.end(), int64_t{0}));
    return std::pair(largest - counts.begin(), -static_cast<double>(*largest) / static_cast<double>(total));
  };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  return order;
}

std::string draw_class_map(const ClassChart& chart) {
  const size_t classes = chart.class_names.size();
  std::string script = chart_frame(kFullChartWidth, classes > 40 ? 480 : 320,
                                   fmt::format("{} clients, by their largest class", chart.counts.size()), "class");
  script += "$data << END\n";
  const auto order = by_largest_class(chart);
  for (size_t position = 0; position < order.size(); ++position) {
    for (size_t c = 0; c < classes; ++c)
      script += fmt::format("{} {} {}\n", position, c, chart.counts[order[position]][c]);
  }
  script += "END\n";
  if (classes <= kMostClassLabels) {
    script += "set ytics (";
    for (size_t c = 0; c < classes; ++c)
      script += fmt::format("{}{} {}", c ? ", " : "", gnuplot_quote(chart.class_names[c]), c);
    script += ")\n";
  }
  script += fmt::format(
      "unset grid\nunset key\nset xrange [-0.5:{}]\nset yrange [{}:-0.5]\nset format x ''\nset xtics scale 0\n"
      "set palette defined (0 '#f5f7f9', 0.15 '#c5d9e8', 0.5 '#5f9bc4', 1 '#123f63')\n"
      "set cblabel 'examples' textcolor rgb '#4a5560'\nset cbrange [0:*]\n"
      "plot $data using 1:2:3 with image\n",
      static_cast<double>(chart.counts.size()) - 0.5, static_cast<double>(classes) - 0.5);
  return run_drawing(script, chart.title);
}

}  // namespace

std::string draw(const LineChart& chart) {
  check_lengths(chart.x, chart.series);
  return run_drawing(chart_frame(kChartWidth, 250, chart.x_label, chart.y_label) + x_range(chart.x, 0.5) +
                         (chart.from_zero ? "set yrange [0:*]\n" : "") + lines_plot(chart),
                     chart.title);
}

std::string draw(const StackedChart& chart) {
  check_lengths(chart.x, chart.layers);
  const bool bars = chart.x.size() <= kMostBars;
  return run_drawing(chart_frame(kChartWidth, 250, chart.x_label, chart.y_label) + x_range(chart.x, bars ? 0.6 : 0) +
                         "set yrange [0:*]\nset boxwidth 0.75\n" +
                         stacked_plot(chart.x, chart.layers, bars ? "boxes" : "filledcurves y1=0"),
                     chart.title);
}

std::string draw(const ClassChart& chart) {
  if (chart.counts.empty() || chart.class_names.empty()) {
    throw DataError("expected a chart of at least one client and class, got none");
  }
  for (const auto& counts : chart.counts) {
    if (counts.size() != chart.class_names.size()) {
      throw DataError(
          fmt::format("expected {} counts for each client, got {}", chart.class_names.size(), counts.size()));
    }
  }
  const bool bars = chart.counts.size() <= kMostClientBars && chart.class_names.size() <= kChartColours.size();
  return bars ? draw_class_bars(chart) : draw_class_map(chart);
}

}  // namespace archleak::sim
