#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/tables/table_render.h"
#include "sim/tables/table_show.h"

namespace archleak::sim {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json to_json(const CellFigure& figure, const FigureSpec& spec) {
  return {{"figure", spec.id},
          {"value", number(figure.estimate.value)},
          {"low", number(figure.estimate.low)},
          {"high", number(figure.estimate.high)},
          {"count", figure.estimate.count},
          {"published", figure.published ? number(*figure.published) : Json(nullptr)}};
}

}  // namespace

std::string render_json(const TableResults& table) {
  const TablePlan& plan = table.plan;
  const TableSpec& spec = plan.spec;
  Json json{{"id", spec.id},
            {"title", spec.title},
            {"paper", spec.paper},
            {"source", spec.source},
            {"experiment", spec.experiment},
            {"experiment_version", plan.version},
            {"scale", plan.scale},
            {"trials", plan.trials},
            {"seed", plan.seed},
            {"set", plan.overrides},
            {"caption", caption(table)},
            {"remarks", remarks(table)},
            {"done", table.done()},
            {"failed", table.failed()},
            {"expected", table.expected()},
            {"seconds", table.seconds},
            {"figures", Json::array()},
            {"cells", Json::array()},
            {"checks", Json::array()}};
  for (const FigureSpec& figure : spec.figures) {
    json["figures"].push_back({{"id", figure.id},
                               {"name", figure.name},
                               {"label", figure.label},
                               {"kind", name_of(figure.kind)},
                               {"when", figure.when},
                               {"minus", figure.minus},
                               {"unit", figure.unit},
                               {"scale", figure.scale}});
  }
  for (size_t i = 0; i < table.cells.size(); ++i) {
    const CellResult& cell = table.cells[i];
    Json figures = Json::array();
    for (size_t k = 0; k < cell.figures.size(); ++k) figures.push_back(to_json(cell.figures[k], spec.figures[k]));
    json["cells"].push_back({{"at", plan.cells[i].at},
                             {"done", cell.done},
                             {"failed", cell.failed},
                             {"figures", std::move(figures)},
                             {"settings", plan.cells[i].settings}});
  }
  for (const Verdict& verdict : table.verdicts) {
    json["checks"].push_back({{"claim", verdict.claim},
                              {"where", verdict.where},
                              {"verdict", name_of(verdict.outcome)},
                              {"reason", verdict.reason}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace archleak::sim
