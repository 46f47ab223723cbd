#include "sim/tables/table_claims.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/nearest.h"
#include "sim/tables/toml_section.h"

namespace archleak::sim {
namespace {

std::vector<std::string> axis_names(const TableSpec& table) {
  std::vector<std::string> names;
  for (const Axis& axis : table.axes) names.push_back(axis.name);
  return names;
}

/// Every place that the axis has at some scale.
std::vector<std::string> labels_of(const TableSpec& table, const std::string& axis) {
  std::set<std::string> labels;
  for (const Axis& candidate : table.axes) {
    if (candidate.name != axis) continue;
    for (const AxisValue& value : candidate.values) labels.insert(value.label);
  }
  for (const auto& [name, scale] : table.scales) {
    const auto found = scale.axes.find(axis);
    if (found == scale.axes.end()) continue;
    for (const AxisValue& value : found->second) labels.insert(value.label);
  }
  return {labels.begin(), labels.end()};
}

void require_one_of(const TomlSection& section, const std::string& key, const std::string& what,
                    const std::string& name, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  section.fail(key, fmt::format("expected {}, got '{}'; the nearest is '{}'", what, name, nearest(name, known)));
}

Selection read_selection(const TomlSection& section, const std::string& key, const TableSpec& table) {
  const Selection selection = section.labels(key);
  const auto inner = section.section(key);
  for (const auto& [axis, label] : selection) {
    require_one_of(*inner, axis, "an axis of the table", axis, axis_names(table));
    require_one_of(*inner, axis, "a place on the axis " + axis, label, labels_of(table, axis));
  }
  return selection;
}

std::string read_figure_id(const TomlSection& section, const TableSpec& table, const std::string& key = "figure") {
  const std::string id = section.text(key);
  std::vector<std::string> ids;
  for (const FigureSpec& figure : table.figures) ids.push_back(figure.id);
  require_one_of(section, key, "the id of a figure that the table shows", id, ids);
  return id;
}

FigureSpec read_figure(const TomlSection& section, const TableSpec& table) {
  FigureSpec figure;
  figure.name = section.text("name");
  figure.id = section.text("id", figure.name);
  figure.label = section.text("label", figure.name);
  const std::string kind = section.choice("kind", {"rate", "mean", "median"});
  figure.kind = kind == "rate" ? FigureKind::rate : kind == "mean" ? FigureKind::mean : FigureKind::median;
  figure.when = section.text("when", "");
  figure.minus = read_selection(section, "minus", table);
  figure.unit = section.text("unit", "");
  figure.scale = section.number("scale", 1);
  figure.digits = static_cast<int>(section.integer("digits", 2, 0, 12));
  if (figure.scale == 0) section.fail("scale", "expected a factor other than 0, got 0");
  if (!figure.minus.empty() && figure.kind == FigureKind::rate) {
    section.fail("kind", "expected \"mean\" or \"median\" for a difference, got \"rate\"");
  }
  section.reject_unknown();
  return figure;
}

/// One value at a place, or several along an axis.
void read_published(const TomlSection& section, TableSpec& table) {
  PublishedValue published;
  published.figure = read_figure_id(section, table);
  published.at = read_selection(section, "at", table);
  const size_t before = table.published.size();
  if (section.has("along")) {
    const std::string axis = section.text("along");
    require_one_of(section, "along", "an axis of the table", axis, axis_names(table));
    const auto values = section.section("values");
    if (!values) section.fail("values", "expected this table, got none");
    for (const std::string& label : values->keys()) {
      require_one_of(*values, label, "a place on the axis " + axis, label, labels_of(table, axis));
      published.at[axis] = label;
      published.value = values->number(label);
      table.published.push_back(published);
    }
  } else {
    published.value = section.number("value");
    table.published.push_back(published);
  }
  section.reject_unknown();
  for (size_t i = before; i < table.published.size(); ++i) {
    if (table.published[i].at.size() != table.axes.size()) {
      section.fail("at", fmt::format("expected a place on each axis ({}), got {}", fmt::join(axis_names(table), ", "),
                                     table.published[i].at.size()));
    }
  }
}

std::string place_text(const Selection& selection) {
  std::string text;
  for (const auto& [axis, label] : selection) text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", axis, label);
  return text;
}

/// What a check says where its file has no words for it.
std::string claim_of(const Check& check, const std::string& label) {
  const std::string where = check.first.empty() ? "" : " at " + place_text(check.first);
  switch (check.kind) {
    case CheckKind::rises:
      return fmt::format("{} rises with {}{}", label, check.along, where);
    case CheckKind::falls:
      return fmt::format("{} falls with {}{}", label, check.along, where);
    case CheckKind::above:
    case CheckKind::below:
    case CheckKind::at_least: {
      const char* words = check.kind == CheckKind::above   ? "above"
                          : check.kind == CheckKind::below ? "below"
                                                           : "at least";
      if (check.second.empty()) {
        return fmt::format("{} is {} {}{}", label, words, check.value ? fmt::format("{}", *check.value) : check.than,
                           where);
      }
      return fmt::format("{}: {} {} {}", label, place_text(check.first), words, place_text(check.second));
    }
    case CheckKind::near:
      return check.value ? fmt::format("{} is {} ± {}{}", label, *check.value, check.margin, where)
                         : fmt::format("{} is the published one ± {}{}", label, check.margin, where);
  }
  return label;
}

Check read_check(const TomlSection& section, const TableSpec& table) {
  const std::vector<std::pair<std::string, CheckKind>> kinds{
      {"rises", CheckKind::rises}, {"falls", CheckKind::falls},       {"above", CheckKind::above},
      {"below", CheckKind::below}, {"at_least", CheckKind::at_least}, {"near", CheckKind::near}};
  std::vector<std::string> names;
  for (const auto& [name, kind] : kinds) names.push_back(name);
  const std::string name = section.choice("kind", names);
  Check check;
  check.kind = kinds[static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin())].second;
  check.figure = read_figure_id(section, table);
  const bool trend = check.kind == CheckKind::rises || check.kind == CheckKind::falls;
  const bool at_one_place = trend || check.kind == CheckKind::near || section.has("than") || section.has("value");
  if (at_one_place) {
    check.first = read_selection(section, "at", table);
  } else {
    check.first = read_selection(section, "first", table);
    check.second = read_selection(section, "second", table);
    Selection a = check.first, b = check.second;
    for (auto& [axis, label] : a) label.clear();
    for (auto& [axis, label] : b) label.clear();
    if (a.empty() || a != b) section.fail("second", "expected places on the same axes as first, got others");
  }
  if (trend) {
    check.along = section.text("along");
    require_one_of(section, "along", "an axis of the table", check.along, axis_names(table));
    if (check.first.contains(check.along)) section.fail("at", "expected axes other than " + check.along + ", got it");
  } else {
    check.margin = check.kind == CheckKind::near ? section.number("within") : section.number("margin", 0);
    if (check.margin < 0) section.fail("", "expected a margin of at least 0, got less");
  }
  if (!trend && section.has("value")) check.value = section.number("value");
  if (!trend && check.kind != CheckKind::near && section.has("than")) {
    check.than = read_figure_id(section, table, "than");
    if (check.value) section.fail("than", "expected either another figure or a value, got both");
  }
  const auto figure = std::find_if(table.figures.begin(), table.figures.end(),
                                   [&](const FigureSpec& candidate) { return candidate.id == check.figure; });
  check.claim = section.text("claim", claim_of(check, figure->label));
  section.reject_unknown();
  return check;
}

ChartSpec read_chart(const TomlSection& section, const TableSpec& table) {
  ChartSpec chart;
  chart.figure = read_figure_id(section, table);
  chart.along = section.text("along");
  require_one_of(section, "along", "an axis of the table", chart.along, axis_names(table));
  chart.split = section.texts("split");
  for (const std::string& axis : chart.split) {
    require_one_of(section, "split", "an axis of the table", axis, axis_names(table));
    if (axis == chart.along) section.fail("split", "expected axes other than " + chart.along + ", got it");
  }
  section.reject_unknown();
  return chart;
}

CurveSpec read_curve(const TomlSection& section) {
  CurveSpec curve;
  curve.title = section.text("title");
  curve.figure = section.text("figure");
  curve.thresholds = section.numbers("thresholds");
  if (!std::is_sorted(curve.thresholds.begin(), curve.thresholds.end(), std::less_equal<>())) {
    section.fail("thresholds", "expected rising numbers, got others");
  }
  if (const auto also = section.section("also")) {
    for (const std::string& figure : also->keys()) curve.also[figure] = also->number(figure);
  }
  section.reject_unknown();
  return curve;
}

}  // namespace

void read_claims(const TomlSection& document, TableSpec& table) {
  std::set<std::string> ids;
  for (const TomlSection& section : document.sections("figures")) {
    table.figures.push_back(read_figure(section, table));
    if (!ids.insert(table.figures.back().id).second) {
      section.fail("id", "expected different ids, got '" + table.figures.back().id + "' twice");
    }
  }
  if (table.figures.empty()) document.fail("figures", "expected at least one [[figures]], got none");
  for (const TomlSection& section : document.sections("published")) read_published(section, table);
  for (const TomlSection& section : document.sections("checks")) table.checks.push_back(read_check(section, table));
  for (const TomlSection& section : document.sections("charts")) table.charts.push_back(read_chart(section, table));
  for (const TomlSection& section : document.sections("curves")) table.curves.push_back(read_curve(section));
}

}  // namespace archleak::sim
