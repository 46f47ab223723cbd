#include "sim/tables/table_spec.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/nearest.h"
#include "sim/tables/table_claims.h"
#include "sim/tables/toml_section.h"

namespace archleak::sim {
namespace {

/// The keys under `table` with their dotted paths, in the order of their lines.
void flatten(const TomlSection& table, const std::string& prefix, std::vector<Setting>& settings) {
  for (const std::string& key : table.keys()) {
    const toml::node& node = table.node(key);
    const std::string path = prefix.empty() ? key : prefix + "." + key;
    if (node.is_table()) {
      flatten(*table.section(key), path, settings);
    } else {
      settings.push_back({path, toml_text(node), table.where(key)});
    }
  }
}

std::vector<Setting> read_settings(const TomlSection& section, const std::string& key) {
  std::vector<Setting> settings;
  if (const auto table = section.section(key)) flatten(*table, "", settings);
  return settings;
}

/// The places of an axis that is a list of values for one setting.
std::vector<AxisValue> read_values(const TomlSection& section, const std::string& key, const std::string& setting) {
  const toml::array* array = section.node(key).as_array();
  if (!array || array->empty()) section.fail(key, "expected a list of at least one value, got none");
  std::vector<AxisValue> values;
  for (const toml::node& element : *array) {
    if (element.is_table() || element.is_array()) section.fail(key, "expected a list of values, got a list of others");
    values.push_back({plain_text(element), {{setting, toml_text(element), section.where(key)}}});
  }
  return values;
}

void require_distinct(const TomlSection& section, const std::string& key, const std::vector<AxisValue>& values) {
  std::set<std::string> seen;
  for (const AxisValue& value : values) {
    if (!seen.insert(value.label).second)
      section.fail(key, "expected different places, got '" + value.label + "' twice");
  }
}

/// An axis is { setting = "graph.cells", values = [32, 64] }, or tables of a name and what it sets.
Axis read_axis(const TomlSection& axes, const std::string& name) {
  Axis axis{name, {}};
  if (axes.node(name).is_table()) {
    const auto table = axes.section(name);
    axis.values = read_values(*table, "values", table->text("setting"));
    table->reject_unknown();
  } else {
    for (const TomlSection& variant : axes.sections(name)) {
      axis.values.push_back({variant.text("name"), read_settings(variant, "set")});
      variant.reject_unknown();
    }
    if (axis.values.empty()) axes.fail(name, "expected at least one place, got none");
  }
  require_distinct(axes, name, axis.values);
  return axis;
}

/// At a scale an axis has other values of its setting, or a part of its variants: by name, or as a table of the name
/// and what it sets further.
std::vector<AxisValue> read_scaled_axis(const TomlSection& axes, const std::string& name, const Axis& axis,
                                        bool of_variants) {
  std::vector<AxisValue> values;
  if (!of_variants) {
    values = read_values(axes, name, axis.values.front().settings.front().key);
  } else {
    std::vector<std::string> labels;
    for (const AxisValue& value : axis.values) labels.push_back(value.label);
    const toml::array* array = axes.node(name).as_array();
    if (!array || array->empty()) axes.fail(name, "expected a list of at least one name, got none");
    for (const toml::node& element : *array) {
      const auto* table = element.as_table();
      const auto variant = table ? std::optional(TomlSection(*table, axes.file(), name)) : std::nullopt;
      const std::string label = variant ? variant->text("name") : plain_text(element);
      const auto found = std::find(labels.begin(), labels.end(), label);
      if (found == labels.end()) {
        axes.fail(name, fmt::format("expected names of the axis, got '{}'; the nearest is '{}'", label,
                                    nearest(label, labels)));
      }
      values.push_back(axis.values[static_cast<size_t>(found - labels.begin())]);
      if (!variant) continue;
      const auto further = read_settings(*variant, "set");
      values.back().settings.insert(values.back().settings.end(), further.begin(), further.end());
      variant->reject_unknown();
    }
  }
  require_distinct(axes, name, values);
  return values;
}

std::vector<std::string> names_of(const std::vector<Axis>& axes) {
  std::vector<std::string> names;
  for (const Axis& axis : axes) names.push_back(axis.name);
  return names;
}

void read_runs(const TomlSection& document, TableSpec& table) {
  for (const TomlSection& run : document.sections("runs")) {
    table.runs.push_back({run.text("setting"), run.text("config")});
    run.reject_unknown();
  }
}

void read_axes(const TomlSection& document, TableSpec& table, std::set<std::string>& variants) {
  const auto axes = document.section("axes");
  if (!axes) document.fail("axes", "expected this table, got none");
  for (const std::string& name : axes->keys()) {
    table.axes.push_back(read_axis(*axes, name));
    if (!axes->node(name).is_table()) variants.insert(name);
  }
  if (table.axes.empty()) document.fail("axes", "expected at least one axis, got none");
}

void read_scales(const TomlSection& document, const std::set<std::string>& variants, TableSpec& table) {
  const auto scales = document.section("scale");
  for (const std::string& name : scale_names()) {
    TableScale& scale = table.scales[name];
    const auto section = scales ? scales->section(name) : std::nullopt;
    if (!section) continue;
    scale.trials = section->integer("trials", 0, 1, 1000000);
    scale.notes = section->texts("notes");
    scale.settings = read_settings(*section, "settings");
    if (const auto axes = section->section("axes")) {
      for (const Axis& axis : table.axes) {
        if (axes->has(axis.name)) {
          scale.axes[axis.name] = read_scaled_axis(*axes, axis.name, axis, variants.contains(axis.name));
        }
      }
      for (const std::string& axis : axes->keys()) {
        if (scale.axes.contains(axis)) continue;
        axes->fail(axis, fmt::format("expected an axis of the table, got none; the nearest is '{}'",
                                     nearest(axis, names_of(table.axes))));
      }
    }
    section->reject_unknown();
  }
  if (scales) scales->reject_unknown();
}

void read_layout(const TomlSection& document, TableSpec& table) {
  const auto layout = document.section("layout");
  if (!layout) document.fail("layout", "expected this table, got none");
  table.rows = layout->texts("rows");
  table.columns = layout->texts("columns");
  layout->reject_unknown();
  std::vector<std::string> shown = table.rows;
  shown.insert(shown.end(), table.columns.begin(), table.columns.end());
  std::vector<std::string> names = names_of(table.axes);
  std::sort(shown.begin(), shown.end());
  std::sort(names.begin(), names.end());
  if (shown != names) {
    document.fail("layout",
                  fmt::format("expected each axis once, in rows or columns ({}), got {}", fmt::join(names, ", "),
                              shown.empty() ? "none" : fmt::format("{}", fmt::join(shown, ", "))));
  }
}

}  // namespace

const std::vector<std::string>& scale_names() {
  static const std::vector<std::string> names{"smoke", "small", "paper"};
  return names;
}

TableSpec parse_table(const std::string& text, const std::string& file) {
  toml::table parsed;
  try {
    parsed = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw ConfigError(
        fmt::format("{}:{}: expected TOML, got: {}", file, error.source().begin.line, error.description()));
  }
  const TomlSection document(parsed, file);
  TableSpec table;
  table.file = file;
  table.id = document.text("id");
  table.title = document.text("title");
  table.paper = document.text("paper", "");
  table.source = document.text("source", "");
  table.experiment = document.text("experiment");
  table.trials = document.integer("trials", 100, 1, 1000000);
  table.notes = document.texts("notes");
  table.settings = read_settings(document, "settings");
  read_runs(document, table);
  std::set<std::string> variants;
  read_axes(document, table, variants);
  read_scales(document, variants, table);
  read_layout(document, table);
  read_claims(document, table);
  document.reject_unknown();
  return table;
}

}  // namespace archleak::sim
