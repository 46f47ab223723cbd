#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/results_store.h"
#include "core/statistics.h"
#include "sim/tables/table_plan.h"

namespace archleak::sim {

/// A figure of one cell, in the unit that the table shows.
struct CellFigure {
  Estimate estimate;
  std::optional<double> published;
};

/// What a table knows of one cell.
struct CellResult {
  int64_t done = 0;
  int64_t failed = 0;
  std::vector<CellFigure> figures;  ///< in the order of TableSpec::figures
};

enum class Outcome { holds, fails, undecided };

/// A published direction held against our figures, at one place.
struct Verdict {
  std::string claim;  ///< in words
  std::string where;  ///< "activation = elu"; empty: the claim says it
  Outcome outcome = Outcome::undecided;
  std::string reason;  ///< the numbers that decided, or why they do not
};

/// One trial of one cell; no row: it has not been run.
struct TrialRecord {
  size_t cell = 0;
  int64_t trial = 0;
  ResultKey key;
  std::optional<ResultRow> row;
};

/// A table with all that is known of it.
struct TableResults {
  TablePlan plan;
  std::vector<TrialRecord> trials;  ///< by cell, then by number
  std::vector<CellResult> cells;    ///< in the order of TablePlan::cells
  std::vector<Verdict> verdicts;
  int64_t others = 0;  ///< rows of the file that are not of this plan: other settings, seeds or versions
  double seconds = 0;  ///< that the trials took, one after the other

  int64_t done() const;
  int64_t failed() const;
  int64_t expected() const { return static_cast<int64_t>(trials.size()); }
};

/// Brings the rows of `store` together as `plan` has them. A trial where a figure is NaN, or where the figure that it
/// stands under (`when`) is not 1, does not enter; the counts say how many did. Throws DataError for a rate or a `when`
/// of values other than 0 and 1.
TableResults collect_table(const TablePlan& plan, const ResultsStore& store);

/// Holds the checks of the plan against `cells`. Intervals decide: a direction holds or fails where they lie apart, and
/// is undecided where they overlap, where a figure has no interval, or where a cell is not of this scale.
std::vector<Verdict> judge(const TablePlan& plan, const std::vector<CellResult>& cells);

}  // namespace archleak::sim
