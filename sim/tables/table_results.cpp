#include "sim/tables/table_results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "core/error.h"

namespace archleak::sim {
namespace {

using ValuesByTrial = std::map<int64_t, double>;

double figure_of(const ResultRow& row, const std::string& name) {
  const auto found = row.figures.find(name);
  return found == row.figures.end() ? std::nan("") : found->second;
}

void require_binary(double value, const std::string& name) {
  if (value == 0 || value == 1) return;
  throw DataError(fmt::format("figure '{}': expected 0 or 1 in each trial, got {}", name, value));
}

/// The values of a figure in the trials of each cell, in its own unit.
std::vector<ValuesByTrial> values_of(const FigureSpec& figure, const TableResults& table) {
  std::vector<ValuesByTrial> values(table.plan.cells.size());
  for (const TrialRecord& trial : table.trials) {
    if (!trial.row || !trial.row->failure.empty()) continue;
    const double value = figure_of(*trial.row, figure.name);
    if (!std::isfinite(value)) continue;  // none, or none that has a mean
    if (figure.kind == FigureKind::rate) require_binary(value, figure.name);
    if (!figure.when.empty()) {
      const double condition = figure_of(*trial.row, figure.when);
      if (!std::isnan(condition)) require_binary(condition, figure.when);
      if (condition != 1) continue;
    }
    values[trial.cell][trial.trial] = value;
  }
  return values;
}

/// The values less those of the same trials in the cell that lies at `figure.minus` instead.
std::vector<ValuesByTrial> differences(const FigureSpec& figure, const TablePlan& plan,
                                       const std::vector<ValuesByTrial>& values) {
  std::vector<ValuesByTrial> result(values.size());
  for (size_t cell = 0; cell < values.size(); ++cell) {
    Selection at = plan.cells[cell].at;
    for (const auto& [axis, label] : figure.minus) at[axis] = label;
    const auto base = plan.find(at);
    if (!base || *base == cell) continue;
    for (const auto& [trial, value] : values[cell]) {
      const auto other = values[*base].find(trial);
      if (other != values[*base].end()) result[cell][trial] = value - other->second;
    }
  }
  return result;
}

Estimate estimate(const FigureSpec& figure, const ValuesByTrial& by_trial) {
  std::vector<double> values;
  for (const auto& [trial, value] : by_trial) values.push_back(value);
  Estimate result;
  if (figure.kind == FigureKind::rate) {
    result = estimate_rate(std::count(values.begin(), values.end(), 1.0), static_cast<int64_t>(values.size()));
  } else {
    result = figure.kind == FigureKind::mean ? estimate_mean(values) : estimate_median(values);
  }
  result.value *= figure.scale;
  result.low *= figure.scale;
  result.high *= figure.scale;
  if (figure.scale < 0) std::swap(result.low, result.high);
  return result;
}

std::optional<double> published_value(const TableSpec& spec, const std::string& figure, const Selection& at) {
  for (const PublishedValue& value : spec.published) {
    if (value.figure == figure && value.at == at) return value.value;
  }
  return std::nullopt;
}

}  // namespace

int64_t TableResults::done() const {
  int64_t sum = 0;
  for (const CellResult& cell : cells) sum += cell.done;
  return sum;
}

int64_t TableResults::failed() const {
  int64_t sum = 0;
  for (const CellResult& cell : cells) sum += cell.failed;
  return sum;
}

TableResults collect_table(const TablePlan& plan, const ResultsStore& store) {
  std::unordered_map<std::string, ResultRow> rows;
  for (ResultRow& row : store.rows()) {
    std::string hash = row.key.hash();
    rows.emplace(std::move(hash), std::move(row));
  }
  TableResults table{.plan = plan, .cells = std::vector<CellResult>(plan.cells.size())};
  std::set<std::string> used;
  for (size_t cell = 0; cell < plan.cells.size(); ++cell) {
    for (int64_t trial = 0; trial < plan.trials; ++trial) {
      TrialRecord record{.cell = cell, .trial = trial, .key = plan.key(cell, trial)};
      const std::string hash = record.key.hash();
      if (const auto found = rows.find(hash); found != rows.end()) {
        record.row = found->second;
        ++(record.row->failure.empty() ? table.cells[cell].done : table.cells[cell].failed);
        if (used.insert(hash).second) table.seconds += record.row->seconds;
      }
      table.trials.push_back(std::move(record));
    }
  }
  table.others = static_cast<int64_t>(rows.size() - used.size());
  for (const FigureSpec& figure : plan.spec.figures) {
    std::vector<ValuesByTrial> values = values_of(figure, table);
    if (!figure.minus.empty()) values = differences(figure, plan, values);
    for (size_t cell = 0; cell < plan.cells.size(); ++cell) {
      table.cells[cell].figures.push_back(
          {estimate(figure, values[cell]), published_value(plan.spec, figure.id, plan.cells[cell].at)});
    }
  }
  table.verdicts = judge(plan, table.cells);
  return table;
}

}  // namespace archleak::sim
