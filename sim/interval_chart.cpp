#include "sim/interval_chart.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "sim/chart_frame.h"
#include "sim/gnuplot.h"

namespace archleak::sim {
namespace {

constexpr double kSpread = 0.4;  // of the distance between places, over which the series of a place stand

void check_lengths(const IntervalChart& chart) {
  const size_t places = chart.places.size();
  if (places == 0 || chart.series.empty()) throw DataError("expected a chart with values, got an empty one");
  for (const IntervalSeries& series : chart.series) {
    if (series.estimates.size() == places && (series.published.empty() || series.published.size() == places)) continue;
    throw DataError(fmt::format("{}: expected estimates and published values for {} places, got {} and {}", series.name,
                                places, series.estimates.size(), series.published.size()));
  }
}

/// A line with error bars where an interval is bounded.
std::string estimates_block(const IntervalSeries& series, double shift) {
  std::string block;
  for (size_t i = 0; i < series.estimates.size(); ++i) {
    const Estimate& estimate = series.estimates[i];
    if (estimate.count == 0 || !std::isfinite(estimate.value)) continue;
    const bool bounded = std::isfinite(estimate.low) && std::isfinite(estimate.high);
    block += fmt::format("{} {} {} {}\n", static_cast<double>(i) + shift, estimate.value,
                         bounded ? estimate.low : estimate.value, bounded ? estimate.high : estimate.value);
  }
  return block;
}

std::string published_block(const IntervalSeries& series, double shift) {
  std::string block;
  for (size_t i = 0; i < series.published.size(); ++i) {
    if (std::isfinite(series.published[i])) {
      block += fmt::format("{} {}\n", static_cast<double>(i) + shift, series.published[i]);
    }
  }
  return block;
}

/// Lines between places say that there is an order: numbers have one.
bool are_numbers(const std::vector<std::string>& places) {
  return std::ranges::all_of(places, [](const std::string& place) {
    double value = 0;
    const auto [end, error] = std::from_chars(place.data(), place.data() + place.size(), value);
    return error == std::errc() && end == place.data() + place.size();
  });
}

std::string place_ticks(const std::vector<std::string>& places) {
  std::string ticks;
  for (size_t i = 0; i < places.size(); ++i) {
    ticks += fmt::format("{}{} {}", i ? ", " : "", gnuplot_quote(places[i]), i);
  }
  return fmt::format("set xtics ({})\nset xrange [-0.5:{}]\n", ticks, static_cast<double>(places.size()) - 0.5);
}

}  // namespace

std::string draw(const IntervalChart& chart) {
  check_lengths(chart);
  const auto count = static_cast<double>(chart.series.size());
  std::string blocks, curves;
  const auto plot = [&](const std::string& data, const std::string& block, const std::string& how) {
    blocks += fmt::format("${} << END\n{}END\n", data, block);
    curves += fmt::format("{}${} {}", curves.empty() ? "plot " : ", ", data, how);
  };
  const char* style = are_numbers(chart.places) ? "yerrorlines" : "yerrorbars";
  bool any_published = false;
  size_t longest = 0;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const IntervalSeries& series = chart.series[i];
    longest = std::max(longest, series.name.size());
    const double shift = count > 1 ? kSpread * (static_cast<double>(i) / (count - 1) - 0.5) : 0;
    const char* colour = kChartColours[i % kChartColours.size()];
    const std::string estimates = estimates_block(series, shift);
    if (!estimates.empty()) {
      plot(fmt::format("ours{}", i), estimates,
           fmt::format("using 1:2:3:4 with {} pt 7 ps 0.5 lw 1.4 lc rgb '{}' title {}", style, colour,
                       gnuplot_quote(series.name)));
    }
    const std::string published = published_block(series, shift);
    if (published.empty()) continue;
    plot(fmt::format("theirs{}", i), published,
         fmt::format("using 1:2 with points pt 6 ps 0.8 lw 1.4 lc rgb '{}' notitle", colour));
    any_published = true;
  }
  if (curves.empty()) throw DataError("expected a chart with values, got only absent ones");
  if (any_published) curves += ", NaN with points pt 6 ps 0.8 lc rgb '#7a8794' title 'published'";
  return run_drawing(chart_frame(kChartWidth, 270, chart.x_label, chart.y_label) + place_ticks(chart.places) +
                         key_columns(longest) + blocks + curves + "\n",
                     chart.title);
}

}  // namespace archleak::sim
