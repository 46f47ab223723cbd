#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/csv.h"
#include "sim/tables/table_render.h"
#include "sim/tables/table_show.h"
#include "sim/tables/trials_file.h"

namespace archleak::sim {
namespace {

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "";
}

/// A row is a line.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string row(std::vector<std::string> fields) {
  for (std::string& field : fields) field = one_line(std::move(field));
  return csv_row(fields) + "\n";
}

std::vector<std::string> place(const TableResults& table, size_t cell) {
  std::vector<std::string> fields;
  for (const Axis& axis : table.plan.axes) fields.push_back(table.plan.cells[cell].at.at(axis.name));
  return fields;
}

std::vector<std::string> with_axes(const TableResults& table, const std::vector<std::string>& names) {
  std::vector<std::string> head;
  for (const Axis& axis : table.plan.axes) head.push_back(axis.name);
  head.insert(head.end(), names.begin(), names.end());
  return head;
}

}  // namespace

std::string render_csv(const TableResults& table) {
  std::string text = row(with_axes(table, {"figure", "label", "unit", "kind", "value", "low", "high", "count", "done",
                                           "failed", "trials", "published", "table", "scale", "seed"}));
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    const CellResult& result = table.cells[cell];
    for (size_t i = 0; i < result.figures.size(); ++i) {
      const FigureSpec& spec = table.plan.spec.figures[i];
      const auto& [estimate, published] = result.figures[i];
      std::vector<std::string> fields = place(table, cell);
      for (std::string field : {spec.id, spec.label, spec.unit, std::string(name_of(spec.kind)), number(estimate.value),
                                number(estimate.low), number(estimate.high), fmt::format("{}", estimate.count),
                                fmt::format("{}", result.done), fmt::format("{}", result.failed),
                                fmt::format("{}", table.plan.trials), published ? number(*published) : "",
                                table.plan.spec.id, table.plan.scale, fmt::format("{}", table.plan.seed)}) {
        fields.push_back(std::move(field));
      }
      text += row(std::move(fields));
    }
  }
  return text;
}

std::string render_trials_csv(const TableResults& table) {
  std::set<std::string> names;
  for (const TrialRecord& trial : table.trials) {
    if (!trial.row) continue;
    for (const auto& [name, value] : trial.row->figures) names.insert(name);
  }
  // "seconds" is also a figure that an experiment may measure itself.
  std::vector<std::string> head = with_axes(table, kTrialColumns);
  head.insert(head.end(), names.begin(), names.end());
  std::string text = row(std::move(head));
  for (const TrialRecord& trial : table.trials) {
    std::vector<std::string> fields = place(table, trial.cell);
    const ResultRow none;
    const ResultRow& result = trial.row ? *trial.row : none;
    fields.push_back(fmt::format("{}", trial.trial));
    fields.push_back(fmt::format("{}", trial.key.seed));
    fields.push_back(trial.key.hash());
    fields.emplace_back(!trial.row ? "missing" : result.failure.empty() ? "done" : "failed");
    fields.push_back(result.failure);
    fields.push_back(trial.row ? number(result.seconds) : "");
    fields.push_back(result.time);
    for (const std::string& name : names) {
      const auto found = result.figures.find(name);
      fields.push_back(found == result.figures.end() ? "" : number(found->second));
    }
    text += row(std::move(fields));
  }
  return text;
}

}  // namespace archleak::sim
