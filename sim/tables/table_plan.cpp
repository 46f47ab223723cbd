#include "sim/tables/table_plan.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/nearest.h"
#include "core/random.h"
#include "sim/tables/toml_section.h"

namespace archleak::sim {
namespace {

/// A document with one setting a line, later ones instead of earlier ones of the same key.
class SettingsDocument {
 public:
  void set(const Setting& setting) {
    const auto found = std::find_if(settings_.begin(), settings_.end(),
                                    [&](const Setting& earlier) { return earlier.key == setting.key; });
    if (found == settings_.end()) {
      settings_.push_back(setting);
    } else {
      *found = setting;
    }
  }

  /// The settings as the experiment resolves them. What it refuses is said with the place where it was set.
  std::string resolve(const Experiment& experiment) const {
    std::string text;
    for (const Setting& setting : settings_) text += setting.key + " = " + setting.value + "\n";
    try {
      Config config = Config::parse(text, kName);
      experiment.describe(config);
      config.reject_unknown();
      return config.resolved();
    } catch (const ConfigError& error) {
      throw ConfigError(with_origin(error.what()));
    }
  }

 private:
  static constexpr const char* kName = "settings";

  /// "settings:3: ..." with the origin of the third setting in place of its line.
  std::string with_origin(const std::string& message) const {
    for (size_t line = settings_.size(); line > 0; --line) {
      const std::string prefix = fmt::format("{}:{}:", kName, line);
      if (message.starts_with(prefix)) return settings_[line - 1].origin + ":" + message.substr(prefix.size());
    }
    return message;
  }

  std::vector<Setting> settings_;
};

Setting parse_override(const std::string& text, const std::vector<Axis>& axes) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw ConfigError("--set " + text + ": expected key=value");
  Setting setting{text.substr(0, equals), text.substr(equals + 1), "--set"};
  for (const Axis& axis : axes) {
    for (const AxisValue& value : axis.values) {
      for (const Setting& set : value.settings) {
        if (set.key == setting.key) {
          throw ConfigError(
              fmt::format("--set {}: expected a setting that no axis has, got one of the axis '{}'", text, axis.name));
        }
      }
    }
  }
  try {
    setting.value = toml_text(*toml::parse("value = " + setting.value).get("value"));
  } catch (const toml::parse_error&) {
    setting.value = toml_text(toml::value<std::string>(setting.value));  // bare text
  }
  return setting;
}

void require_figures(const TableSpec& table, const Experiment& experiment) {
  const auto require = [&](const std::string& what, const std::string& name) {
    if (std::find(experiment.figures.begin(), experiment.figures.end(), name) != experiment.figures.end()) return;
    throw ConfigError(fmt::format("{}: {}: expected a figure of the experiment '{}', got '{}'; the nearest is '{}'",
                                  table.file, what, experiment.name, name, nearest(name, experiment.figures)));
  };
  for (const FigureSpec& figure : table.figures) {
    const std::string what = fmt::format("figure '{}'", figure.id);
    require(what, figure.name);
    if (!figure.when.empty()) require(what, figure.when);
  }
  for (const CurveSpec& curve : table.curves) {
    const std::string what = fmt::format("curve '{}'", curve.title);
    require(what, curve.figure);
    for (const auto& [name, least] : curve.also) require(what, name);
  }
}

const AxisValue& place(const Axis& axis, const std::string& label) {
  return *std::find_if(axis.values.begin(), axis.values.end(),
                       [&](const AxisValue& value) { return value.label == label; });
}

/// The runs that the cells' settings name, each once.
std::vector<NeededRun> needed_runs(const TableSpec& spec, const std::vector<TableCell>& cells,
                                   const std::vector<std::string>& overrides) {
  std::vector<NeededRun> runs;
  for (const RunSetting& run : spec.runs) {
    const bool chosen =
        std::ranges::any_of(overrides, [&](const std::string& set) { return set.starts_with(run.setting + "="); });
    const auto config = (std::filesystem::path(spec.file).parent_path() / run.config).lexically_normal().string();
    for (const TableCell& cell : cells) {
      const toml::table settings = toml::parse(cell.settings);
      const auto node = settings.at_path(run.setting);
      if (!node) {
        throw ConfigError(
            fmt::format("{}: runs: expected a setting of the experiment, got '{}'", spec.file, run.setting));
      }
      const NeededRun needed{node.value_or(std::string()), config, chosen};
      if (!needed.directory.empty() && std::find(runs.begin(), runs.end(), needed) == runs.end())
        runs.push_back(needed);
    }
  }
  return runs;
}

}  // namespace

std::string to_text(const TableRequest& request) {
  nlohmann::json json{{"document", request.document},
                      {"file", request.file},
                      {"scale", request.scale},
                      {"seed", request.seed},
                      {"overrides", request.overrides}};
  if (request.trials) json["trials"] = *request.trials;
  return json.dump();
}

TableRequest request_from_text(const std::string& text, const std::string& where) {
  try {
    const auto json = nlohmann::json::parse(text);
    TableRequest request{.document = json.at("document"),
                         .file = json.at("file"),
                         .scale = json.at("scale"),
                         .seed = json.at("seed"),
                         .overrides = json.at("overrides")};
    if (json.contains("trials")) request.trials = json.at("trials").get<int64_t>();
    return request;
  } catch (const nlohmann::json::exception& error) {
    throw DataError(where + ": expected what was asked for, got: " + error.what());
  }
}

ResultKey TablePlan::key(size_t cell, int64_t trial) const {
  const uint64_t drawn = derive_seed({.seed = seed, .purpose = "table trial", .index = trial});
  return {spec.experiment, version, cells[cell].settings, drawn >> 11};
}

std::optional<size_t> TablePlan::find(const Selection& at) const {
  for (size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].at == at) return i;
  }
  return std::nullopt;
}

const Axis& TablePlan::axis(const std::string& name) const {
  return *std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.name == name; });
}

std::vector<Selection> TablePlan::combinations(const std::vector<std::string>& names, const Selection& fixed) const {
  std::vector<Selection> all{{}};
  for (const std::string& name : names) {
    std::vector<Selection> longer;
    for (const Selection& start : all) {
      for (const AxisValue& value : axis(name).values) {
        const auto wanted = fixed.find(name);
        if (wanted != fixed.end() && wanted->second != value.label) continue;
        longer.push_back(start);
        longer.back()[name] = value.label;
      }
    }
    all = std::move(longer);
  }
  return all;
}

TablePlan plan_table(const TableRequest& request, const std::vector<Experiment>& experiments) {
  const auto& scales = scale_names();
  if (std::find(scales.begin(), scales.end(), request.scale) == scales.end()) {
    throw ConfigError(fmt::format("--scale: expected smoke, small or paper, got '{}'", request.scale));
  }
  TablePlan plan{.spec = parse_table(request.document, request.file), .scale = request.scale, .seed = request.seed};
  const TableSpec& spec = plan.spec;
  const Experiment& experiment = find_experiment(experiments, spec.experiment, spec.file);
  require_figures(spec, experiment);
  const TableScale& scale = spec.scales.at(request.scale);
  plan.version = experiment.version;
  plan.overrides = request.overrides;
  plan.trials = request.trials ? *request.trials : scale.trials > 0 ? scale.trials : spec.trials;
  if (plan.trials < 1) throw ConfigError(fmt::format("--trials: expected at least 1, got {}", plan.trials));
  plan.notes = spec.notes;
  plan.notes.insert(plan.notes.end(), scale.notes.begin(), scale.notes.end());
  std::vector<std::string> names;
  for (const Axis& axis : spec.axes) {
    const auto scaled = scale.axes.find(axis.name);
    plan.axes.push_back(scaled == scale.axes.end() ? axis : Axis{axis.name, scaled->second});
    names.push_back(axis.name);
  }
  for (const Selection& at : plan.combinations(names)) {
    SettingsDocument document;
    for (const Setting& setting : spec.settings) document.set(setting);
    for (const Setting& setting : scale.settings) document.set(setting);
    for (const Axis& axis : plan.axes) {
      for (const Setting& setting : place(axis, at.at(axis.name)).settings) document.set(setting);
    }
    for (const std::string& text : request.overrides) document.set(parse_override(text, plan.axes));
    plan.cells.push_back({at, document.resolve(experiment)});
  }
  plan.runs = needed_runs(plan.spec, plan.cells, request.overrides);
  return plan;
}

}  // namespace archleak::sim
