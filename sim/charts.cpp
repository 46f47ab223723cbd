#include "sim/charts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "sim/gnuplot.h"

namespace archleak::sim {
namespace {

constexpr std::array kColours{"#2b6a99", "#d98032", "#4c9a6a", "#8c6bb1", "#b5484b",
                              "#7a8794", "#c2a83e", "#3aa6a6", "#c97ba5", "#5b4b3a"};
constexpr int kWidth = 430;
constexpr int kFullWidth = 880;
constexpr size_t kMostBars = 60;  // rounds
constexpr size_t kMostClientBars = 40;
constexpr size_t kMostMarkedPoints = 40;  // rounds
constexpr size_t kMostClassLabels = 30;

/// Terminal, grid and axes that all charts share. The SVG is told to stand alone so that images are inside it.
std::string frame(const std::string& title, int width, int height, const std::string& x_label,
                  const std::string& y_label) {
  std::string name;
  for (const char c : title) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == ' ') name += c;
  }
  return fmt::format(
      "set terminal svg size {},{} dynamic noenhanced font 'Arial,11' standalone name '{}'\n"
      "set border 3 lc rgb '#98a2ad' lw 0.8\nset tics nomirror out scale 0.5 textcolor rgb '#4a5560'\n"
      "set grid ytics lc rgb '#e3e7eb' lw 0.8 lt 1\nset xlabel {} textcolor rgb '#4a5560'\n"
      "set ylabel {} textcolor rgb '#4a5560'\n"
      "set key above left Left reverse samplen 1.5 spacing 1 textcolor rgb '#2a323a'\n",
      width, height, name, gnuplot_quote(x_label), gnuplot_quote(y_label));
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "NaN";
}

/// A data block $data: x in column 1, then one column for each series, running sums if `stacked`.
std::string data_block(const std::vector<double>& x, const std::vector<Series>& series, bool stacked) {
  if (x.empty() || series.empty()) throw DataError("expected a chart with values, got an empty one");
  std::string block = "$data << END\n";
  for (size_t i = 0; i < x.size(); ++i) {
    block += number(x[i]);
    double below = 0;
    for (const Series& one : series) {
      if (one.values.size() != x.size()) {
        throw DataError(fmt::format("{}: expected {} values, got {}", one.name, x.size(), one.values.size()));
      }
      if (stacked && std::isfinite(one.values[i])) below += one.values[i];
      block += ' ' + number(stacked ? below : one.values[i]);
    }
    block += '\n';
  }
  return block + "END\n";
}

/// Rounds are whole numbers: no ticks between them, and room on both sides of a single one.
std::string x_range(const std::vector<double>& x, double margin) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const double span = *high - *low;
  std::string range = fmt::format("set xrange [{}:{}]\n", *low - margin, *high + margin);
  if (span <= 8) range += "set xtics 1\n";
  return range;
}

std::string lines_plot(const LineChart& chart) {
  std::string plot = "plot ";
  const bool marked = chart.x.size() <= kMostMarkedPoints;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    plot += fmt::format("{}$data using 1:{} with {} lw 1.8 {}lc rgb '{}' title {}", i ? ", " : "", i + 2,
                        marked ? "linespoints" : "lines", marked ? "pt 7 ps 0.35 " : "", kColours[i % kColours.size()],
                        gnuplot_quote(chart.series[i].name));
  }
  return plot + '\n';
}

/// The highest layer first, so that lower ones cover it and the key reads from top to bottom.
std::string stacked_plot(const std::vector<Series>& layers, const std::string& style) {
  std::string plot = "plot ";
  for (size_t i = layers.size(); i-- > 0;) {
    plot += fmt::format("{}$data using 1:{} with {} fs solid noborder lc rgb '{}' title {}",
                        i + 1 < layers.size() ? ", " : "", i + 2, style, kColours[i % kColours.size()],
                        gnuplot_quote(layers[i].name));
  }
  return plot + '\n';
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
  return run_gnuplot(frame(chart.title, kFullWidth, 300, "client", "examples") + data_block(clients, layers, true) +
                     x_range(clients, 0.6) + "set yrange [0:*]\nset boxwidth 0.75\nset key outside right top\n" +
                     stacked_plot(layers, "boxes"));
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
  std::string script = frame(chart.title, kFullWidth, classes > 40 ? 480 : 320,
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
  return run_gnuplot(script);
}

}  // namespace

std::string draw(const LineChart& whole) {
  LineChart chart = whole;
  std::erase_if(chart.series, [](const Series& series) {
    return std::none_of(series.values.begin(), series.values.end(), [](double value) { return std::isfinite(value); });
  });
  const std::string data = data_block(chart.x, chart.series, false);
  return run_gnuplot(frame(chart.title, kWidth, 250, chart.x_label, chart.y_label) + data + x_range(chart.x, 0.5) +
                     (chart.from_zero ? "set yrange [0:*]\n" : "") + lines_plot(chart));
}

std::string draw(const StackedChart& chart) {
  const std::string data = data_block(chart.x, chart.layers, true);
  const bool bars = chart.x.size() <= kMostBars;
  return run_gnuplot(frame(chart.title, kWidth, 250, chart.x_label, chart.y_label) + data +
                     x_range(chart.x, bars ? 0.6 : 0) + "set yrange [0:*]\nset boxwidth 0.75\n" +
                     stacked_plot(chart.layers, bars ? "boxes" : "filledcurves y1=0"));
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
  const bool bars = chart.counts.size() <= kMostClientBars && chart.class_names.size() <= kColours.size();
  return bars ? draw_class_bars(chart) : draw_class_map(chart);
}

}  // namespace archleak::sim
