#pragma once
#include <string>
#include <vector>

#include "sim/tables/table_results.h"

namespace archleak::sim {

/// One cell as text; parts that there are none of are empty.
struct ShownCell {
  std::string value;      ///< "36.0"; "–" without data
  std::string interval;   ///< "[28.1, 44.2]"; empty where the data do not bound it
  std::string published;  ///< "36.0"
};

/// One line along the columns.
struct ShownRow {
  std::vector<std::string> place;  ///< one label for each axis of the rows
  std::string figure;              ///< "SR (%)"; empty where figures are the columns
  std::vector<ShownCell> cells;

  bool has_published() const;
};

/// A table as it is laid out, before it takes a format. Each combination of the row axes has a row for each figure;
/// where no axis is in the columns, the figures are, and it has one row.
struct ShownTable {
  std::vector<std::string> row_axes;
  std::vector<std::string> columns;  ///< "P = 32"
  std::vector<ShownRow> rows;
};

ShownTable lay_out(const TableResults& table);

/// The seed, the scale, how many trials, and how intervals are made, in one sentence or two.
std::string caption(const TableResults& table);

/// What does not stand in a cell: what was shrunk, trials that failed or are missing, rows that are not shown.
std::vector<std::string> remarks(const TableResults& table);

/// "P = 32, elu": axes in the order of the table; a place that is a word stands for itself.
std::string describe(const TablePlan& plan, const Selection& at);

/// "36.0 [28.1, 44.2]", in the figure's digits.
std::string format(const Estimate& estimate, const FigureSpec& figure);

/// "Published directions", or "Expected directions" of a table without a paper.
const char* directions(const TableSpec& spec);

/// "SR (%)".
std::string heading(const FigureSpec& figure);

/// "holds", "fails" or "undecided".
const char* name_of(Outcome outcome);
const char* name_of(FigureKind kind);

}  // namespace archleak::sim
