#include "sim/tables/table_charts.h"

#include <algorithm>
#include <limits>

#include "sim/html.h"
#include "sim/interval_chart.h"
#include "sim/tables/table_show.h"

namespace archleak::sim {
namespace {

/// One line: the figure at all places of the chart's axis, at `at` on the others.
IntervalSeries series_of(const TableResults& table, size_t figure, const Axis& along, const Selection& at,
                         const std::string& name) {
  IntervalSeries series{.name = name, .estimates = {}, .published = {}};
  for (const AxisValue& place : along.values) {
    Selection there = at;
    there[along.name] = place.label;
    const CellFigure& found = table.cells[*table.plan.find(there)].figures[figure];
    series.estimates.push_back(found.estimate);
    series.published.push_back(found.published.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  return series;
}

bool has_values(const IntervalSeries& series) {
  return std::ranges::any_of(series.estimates, [](const Estimate& estimate) { return estimate.count > 0; });
}

std::string charts_of(const TableResults& table, const ChartSpec& spec) {
  const TablePlan& plan = table.plan;
  const auto figure = std::ranges::find(plan.spec.figures, spec.figure, &FigureSpec::id);
  const Axis& along = plan.axis(spec.along);
  std::vector<std::string> lines;
  for (const Axis& axis : plan.axes) {
    if (axis.name != spec.along && std::ranges::find(spec.split, axis.name) == spec.split.end()) {
      lines.push_back(axis.name);
    }
  }
  std::string html;
  for (const Selection& part : plan.combinations(spec.split)) {
    const std::string where = describe(plan, part);
    const std::string title = figure->label + (where.empty() ? "" : ", " + where);
    IntervalChart chart{.title = title, .x_label = along.name, .y_label = heading(*figure), .places = {}, .series = {}};
    for (const AxisValue& place : along.values) chart.places.push_back(place.label);
    for (Selection at : plan.combinations(lines)) {
      const std::string name = describe(plan, at);
      at.insert(part.begin(), part.end());
      IntervalSeries series =
          series_of(table, static_cast<size_t>(figure - plan.spec.figures.begin()), along, at, name);
      if (has_values(series)) chart.series.push_back(std::move(series));
    }
    if (chart.series.empty()) continue;
    html += "<figure><figcaption>" + escape_html(title) + "</figcaption>" + draw(chart) + "</figure>\n";
  }
  return html;
}

}  // namespace

std::string charts_section(const TableResults& table) {
  std::string html;
  for (const ChartSpec& spec : table.plan.spec.charts) html += charts_of(table, spec);
  return html.empty() ? "" : html_section("Charts", "<div class=\"charts\">" + html + "</div>\n");
}

}  // namespace archleak::sim
