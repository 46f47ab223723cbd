#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace archleak::sim {

/// One key of an experiment's settings, as a table's file or the command line gives it.
struct Setting {
  std::string key;     ///< "graph.cells"
  std::string value;   ///< as TOML
  std::string origin;  ///< "002-T1.toml:12" or "--set", for messages
};

/// One place on an axis: its name in the table and what it sets.
struct AxisValue {
  std::string label;  ///< "32", "elu", "labels unknown"
  std::vector<Setting> settings;
};

struct Axis {
  std::string name;
  std::vector<AxisValue> values;
};

/// Places on axes, by axis; where an axis is absent, all of it.
using Selection = std::map<std::string, std::string>;

enum class FigureKind {
  rate,    ///< share of trials where it is 1, with Wilson's interval
  mean,    ///< with Student's t interval
  median,  ///< with the sign test's interval
};

/// A column of numbers that the table shows: a figure of the experiment over a cell's trials.
struct FigureSpec {
  std::string id;    ///< what published values and checks call it
  std::string name;  ///< what the experiment calls it
  std::string label;
  FigureKind kind = FigureKind::mean;
  std::string when;  ///< only trials where this 0/1 figure is 1; empty: all
  Selection minus;   ///< the difference, trial by trial, to the cell that lies here instead; empty: no difference
  std::string unit;  ///< "%"
  double scale = 1;  ///< what is shown is the figure times this
  int digits = 2;    ///< after the point
};

/// A number that the paper prints, in the unit that the table shows.
struct PublishedValue {
  std::string figure;  ///< FigureSpec::id
  Selection at;        ///< all axes
  double value = 0;
};

enum class CheckKind {
  rises,  ///< along an axis, from its first to its last place
  falls,
  above,     ///< first > second + margin; the second may be another figure of the same place, or a value
  below,     ///< first < second - margin; likewise
  at_least,  ///< first >= second - margin; likewise
  near,      ///< within `margin` of a value, or of the published one
};

/// A direction that the paper states. Axes that it leaves open give a verdict for each of their places.
struct Check {
  CheckKind kind = CheckKind::rises;
  std::string figure;
  std::string along;            ///< rises, falls: the axis
  Selection first;              ///< above, below, at_least between two places; for the others: where
  Selection second;             ///< above, below, at_least between two places
  std::string than;             ///< above, below, at_least at one place: the other figure
  std::optional<double> value;  ///< above, below, at_least at one place, near; absent: `than`, the published value
  double margin = 0;            ///< above, below, at_least, near: in the unit shown
  std::string claim;            ///< in words
};

/// A figure drawn along an axis.
struct ChartSpec {
  std::string figure;              ///< FigureSpec::id
  std::string along;               ///< an axis
  std::vector<std::string> split;  ///< axes each place of which has a chart of its own; the others are lines
};

/// How a rate moves with a threshold: the share of trials where a figure is at least the threshold, and others at least
/// what they must be.
struct CurveSpec {
  std::string title;
  std::string figure;                  ///< as the experiment calls it
  std::vector<double> thresholds;      ///< in its unit, rising
  std::map<std::string, double> also;  ///< least values of other figures
};

/// What a scale changes.
struct TableScale {
  int64_t trials = 0;              ///< 0: the table's
  std::vector<std::string> notes;  ///< what was shrunk
  std::vector<Setting> settings;
  std::map<std::string, std::vector<AxisValue>> axes;  ///< places instead of the axis's own, some with further settings
};

/// A setting that names a run's directory, and what makes the run where there is none.
struct RunSetting {
  std::string setting;  ///< "success.classifier"
  std::string config;   ///< of the run, seen from the table's file
};

/// A table as its file describes it (docs/tables.md).
struct TableSpec {
  std::string id;
  std::string title;
  std::string paper;
  std::string source;  ///< "Table 1"
  std::string experiment;
  std::string file;  ///< for messages
  int64_t trials = 0;
  std::vector<std::string> notes;
  std::vector<Setting> settings;
  std::vector<RunSetting> runs;
  std::vector<Axis> axes;
  std::map<std::string, TableScale> scales;
  std::vector<FigureSpec> figures;
  std::vector<PublishedValue> published;
  std::vector<Check> checks;
  std::vector<ChartSpec> charts;
  std::vector<CurveSpec> curves;
  std::vector<std::string> rows;  ///< axes, outermost first
  std::vector<std::string> columns;
};

/// The names that a scale may have.
const std::vector<std::string>& scale_names();

/// Reads a table from a TOML document; `file` stands for it in messages. Throws ConfigError with file and line.
TableSpec parse_table(const std::string& document, const std::string& file);

}  // namespace archleak::sim
