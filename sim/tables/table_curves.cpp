#include "sim/tables/table_curves.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/csv.h"
#include "sim/charts.h"
#include "sim/html.h"
#include "sim/tables/table_show.h"

namespace archleak::sim {
namespace {

constexpr size_t kMostLines = 8;  // in a chart without columns

double figure_of(const ResultRow& row, const std::string& name) {
  const auto found = row.figures.find(name);
  return found == row.figures.end() ? std::nan("") : found->second;
}

bool meets(const ResultRow& row, const std::map<std::string, double>& least) {
  return std::all_of(least.begin(), least.end(), [&](const auto& item) {
    const double value = figure_of(row, item.first);
    return std::isnan(value) || value >= item.second;
  });
}

bool has_values(const CellCurve& curve) {
  return curve.rates.front().count > 0;
}

std::string draw_curves(const CurveSpec& spec, const std::string& title, const std::vector<Series>& series) {
  return draw(LineChart{.title = title,
                        .x_label = "least " + spec.figure,
                        .y_label = "rate (%)",
                        .x = spec.thresholds,
                        .series = series,
                        .from_zero = true});
}

Series series_of(const std::string& name, const CellCurve& curve) {
  Series series{.name = name, .values = {}};
  for (const Estimate& rate : curve.rates) series.values.push_back(100 * rate.value);
  return series;
}

/// The cells' curves in groups that share a chart, each with the group's name.
std::vector<std::pair<std::string, std::vector<Series>>> group(const TableResults& table,
                                                               const std::vector<CellCurve>& curves) {
  const TablePlan& plan = table.plan;
  std::vector<std::pair<std::string, std::vector<Series>>> groups;
  for (const Selection& row : plan.combinations(plan.spec.rows)) {
    if (!plan.spec.columns.empty() || groups.empty() || groups.back().second.size() >= kMostLines) {
      groups.emplace_back(plan.spec.columns.empty() ? "" : describe(plan, row), std::vector<Series>{});
    }
    for (Selection at : plan.combinations(plan.spec.columns)) {
      const std::string name = describe(plan, plan.spec.columns.empty() ? row : at);
      at.insert(row.begin(), row.end());
      const CellCurve& curve = curves[*plan.find(at)];
      if (has_values(curve)) groups.back().second.push_back(series_of(name, curve));
    }
  }
  return groups;
}

}  // namespace

std::vector<CellCurve> threshold_curves(const TableResults& table, const CurveSpec& curve) {
  std::vector<CellCurve> curves(table.plan.cells.size());
  for (size_t cell = 0; cell < curves.size(); ++cell) {
    curves[cell].cell = cell;
    for (const double threshold : curve.thresholds) {
      int64_t successes = 0, trials = 0;
      for (const TrialRecord& trial : table.trials) {
        if (trial.cell != cell || !trial.row || !trial.row->failure.empty()) continue;
        const double value = figure_of(*trial.row, curve.figure);
        if (std::isnan(value)) continue;
        ++trials;
        if (value >= threshold && meets(*trial.row, curve.also)) ++successes;
      }
      curves[cell].rates.push_back(estimate_rate(successes, trials));
    }
  }
  return curves;
}

std::string render_curves_csv(const TableResults& table) {
  std::vector<std::string> head{"curve"};
  for (const Axis& axis : table.plan.axes) head.push_back(axis.name);
  for (const char* name : {"figure", "threshold", "rate", "low", "high", "count"}) head.emplace_back(name);
  std::string text = csv_row(head) + "\n";
  for (const CurveSpec& spec : table.plan.spec.curves) {
    for (const CellCurve& curve : threshold_curves(table, spec)) {
      if (!has_values(curve)) continue;
      for (size_t i = 0; i < spec.thresholds.size(); ++i) {
        std::vector<std::string> fields{spec.title};
        for (const Axis& axis : table.plan.axes) fields.push_back(table.plan.cells[curve.cell].at.at(axis.name));
        const Estimate& rate = curve.rates[i];
        fields.push_back(spec.figure);
        for (const double value : {spec.thresholds[i], rate.value, rate.low, rate.high}) {
          fields.push_back(fmt::format("{}", value));
        }
        fields.push_back(fmt::format("{}", rate.count));
        text += csv_row(fields) + "\n";
      }
    }
  }
  return text;
}

std::string curves_section(const TableResults& table) {
  std::string html;
  for (const CurveSpec& spec : table.plan.spec.curves) {
    std::string charts;
    for (const auto& [name, series] : group(table, threshold_curves(table, spec))) {
      if (series.empty()) continue;
      const std::string title = name.empty() ? spec.title : name;
      charts += "<figure><figcaption>" + escape_html(title) + "</figcaption>" + draw_curves(spec, title, series) +
                "</figure>\n";
    }
    if (!charts.empty()) html += html_section(spec.title, "<div class=\"charts\">" + charts + "</div>\n");
  }
  return html;
}

}  // namespace archleak::sim
