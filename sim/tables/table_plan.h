#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/results_store.h"
#include "sim/tables/experiment.h"
#include "sim/tables/table_spec.h"

namespace archleak::sim {

/// What was asked for: enough to plan the same table again. It is kept in the file of results.
struct TableRequest {
  std::string document;  ///< the table's TOML
  std::string file;      ///< where it came from
  std::string scale = "small";
  std::optional<int64_t> trials;  ///< instead of the scale's
  uint64_t seed = 1;
  std::vector<std::string> overrides;  ///< "key=value", over the table's settings
};

/// JSON that `request_from_text` reads. The latter throws DataError, beginning with `where`.
std::string to_text(const TableRequest& request);
TableRequest request_from_text(const std::string& text, const std::string& where);

/// One cell: a place on every axis.
struct TableCell {
  Selection at;
  std::string settings;  ///< resolved by the experiment
};

/// A run whose directory cells name.
struct NeededRun {
  std::string directory;
  std::string config;   ///< what makes it
  bool chosen = false;  ///< the command line names the directory: it may be the run of another configuration

  bool operator==(const NeededRun&) const = default;
};

/// A table at one scale, with every setting resolved: what is to be run.
struct TablePlan {
  TableSpec spec;
  std::string scale;
  int64_t trials = 0;  ///< of each cell
  uint64_t seed = 1;
  int64_t version = 1;  ///< of the experiment
  std::vector<std::string> overrides;
  std::vector<Axis> axes;  ///< with the places of this scale
  std::vector<TableCell> cells;
  std::vector<NeededRun> runs;     ///< each once
  std::vector<std::string> notes;  ///< the table's, then the scale's

  /// What a trial of a cell is kept under. Its seed is that of the trial in every cell, so that cells differ by their
  /// settings alone; it is below 2^53, so that every program reads it exactly.
  ResultKey key(size_t cell, int64_t trial) const;

  /// The cell at a place on every axis; nothing if it is not of this scale.
  std::optional<size_t> find(const Selection& at) const;

  /// All combinations of places on these axes that agree with `fixed`, the last axis fastest.
  std::vector<Selection> combinations(const std::vector<std::string>& axes, const Selection& fixed = {}) const;

  const Axis& axis(const std::string& name) const;
};

/// Plans a table. Throws ConfigError for a table or a setting that cannot be used, and for an experiment that is not
/// among `experiments`; file and line are those of the table's file, "--set" for an override.
TablePlan plan_table(const TableRequest& request, const std::vector<Experiment>& experiments);

}  // namespace archleak::sim
