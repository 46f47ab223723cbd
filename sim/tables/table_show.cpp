#include "sim/tables/table_show.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "core/progress.h"

namespace archleak::sim {
namespace {

bool is_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// "36.0"; no "-0.0".
std::string number(double value, int digits) {
  const std::string text = fmt::format("{:.{}f}", value, digits);
  return text.find_first_of("123456789") == std::string::npos && text.starts_with('-') ? text.substr(1) : text;
}

ShownCell show(const CellFigure& cell, const FigureSpec& figure) {
  ShownCell shown;
  const Estimate& estimate = cell.estimate;
  shown.value = estimate.count > 0 ? number(estimate.value, figure.digits) : "–";
  if (std::isfinite(estimate.low) && std::isfinite(estimate.high)) {
    shown.interval = fmt::format("[{}, {}]", number(estimate.low, figure.digits), number(estimate.high, figure.digits));
  }
  if (cell.published) shown.published = number(*cell.published, figure.digits);
  return shown;
}

}  // namespace

bool ShownRow::has_published() const {
  return std::any_of(cells.begin(), cells.end(), [](const ShownCell& cell) { return !cell.published.empty(); });
}

const char* name_of(Outcome outcome) {
  return outcome == Outcome::holds ? "holds" : outcome == Outcome::fails ? "fails" : "undecided";
}

const char* name_of(FigureKind kind) {
  return kind == FigureKind::rate ? "rate" : kind == FigureKind::mean ? "mean" : "median";
}

const char* directions(const TableSpec& spec) {
  return spec.paper.empty() ? "Expected directions" : "Published directions";
}

std::string heading(const FigureSpec& figure) {
  return figure.unit.empty() ? figure.label : fmt::format("{} ({})", figure.label, figure.unit);
}

std::string format(const Estimate& estimate, const FigureSpec& figure) {
  const ShownCell shown = show({estimate, std::nullopt}, figure);
  return shown.interval.empty() ? shown.value : shown.value + " " + shown.interval;
}

std::string describe(const TablePlan& plan, const Selection& at) {
  std::string text;
  for (const Axis& axis : plan.axes) {
    const auto found = at.find(axis.name);
    if (found == at.end()) continue;
    if (!text.empty()) text += ", ";
    text += is_number(found->second) ? axis.name + " = " + found->second : found->second;
  }
  return text;
}

ShownTable lay_out(const TableResults& table) {
  const TablePlan& plan = table.plan;
  const auto& figures = plan.spec.figures;
  const bool by_figure = plan.spec.columns.empty();
  const auto columns = plan.combinations(plan.spec.columns);
  ShownTable shown{.row_axes = plan.spec.rows};
  if (by_figure) {
    for (const FigureSpec& figure : figures) shown.columns.push_back(heading(figure));
  } else {
    for (const Selection& column : columns) shown.columns.push_back(describe(plan, column));
  }
  for (const Selection& row : plan.combinations(plan.spec.rows)) {
    std::vector<std::string> place;
    for (const std::string& axis : plan.spec.rows) place.push_back(row.at(axis));
    const auto cell = [&](size_t figure, Selection at) {
      at.insert(row.begin(), row.end());
      return show(table.cells[*plan.find(at)].figures[figure], figures[figure]);
    };
    if (by_figure) shown.rows.push_back({place, "", {}});
    for (size_t i = 0; i < figures.size(); ++i) {
      if (!by_figure) shown.rows.push_back({place, heading(figures[i]), {}});
      for (const Selection& column : columns) shown.rows.back().cells.push_back(cell(i, column));
    }
  }
  return shown;
}

std::string caption(const TableResults& table) {
  const TablePlan& plan = table.plan;
  std::string intervals;
  const std::pair<FigureKind, const char*> kinds[]{{FigureKind::rate, "Wilson's for rates"},
                                                   {FigureKind::mean, "Student's t for means"},
                                                   {FigureKind::median, "the sign test's for medians"}};
  for (const auto& [kind, words] : kinds) {
    const bool used = std::any_of(plan.spec.figures.begin(), plan.spec.figures.end(),
                                  [kind = kind](const FigureSpec& figure) { return figure.kind == kind; });
    if (used) intervals += (intervals.empty() ? "" : ", ") + std::string(words);
  }
  return fmt::format("Scale {}, {} trials a cell, seed {}, experiment {} version {}. Brackets are 95 % intervals: {}.",
                     plan.scale, plan.trials, plan.seed, plan.spec.experiment, plan.version, intervals);
}

std::vector<std::string> remarks(const TableResults& table) {
  const TablePlan& plan = table.plan;
  std::vector<std::string> lines = plan.notes;
  for (const std::string& text : plan.overrides) lines.push_back("Set on the command line: " + text);
  const int64_t missing = table.expected() - table.done() - table.failed();
  if (missing > 0) {
    lines.push_back(fmt::format("Unfinished: {} of {} trials have not been run.", missing, table.expected()));
  }
  std::map<size_t, std::map<std::string, int64_t>> failures;
  for (const TrialRecord& trial : table.trials) {
    if (trial.row && !trial.row->failure.empty()) ++failures[trial.cell][trial.row->failure];
  }
  for (const auto& [cell, messages] : failures) {
    for (const auto& [message, count] : messages) {
      lines.push_back(fmt::format("Failed at {}: {} of {} trials: {}", describe(plan, plan.cells[cell].at), count,
                                  plan.trials, message));
    }
  }
  if (table.others > 0) {
    lines.push_back(
        fmt::format("{} further results in the file are of other settings, seeds or versions.", table.others));
  }
  return lines;
}

}  // namespace archleak::sim
