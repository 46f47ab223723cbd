#pragma once
#include <filesystem>
#include <string>

#include "sim/tables/table_results.h"

namespace archleak::sim {

/// For a terminal: the table with the published values under ours, the verdicts, what is to be remarked.
std::string render_text(const TableResults& table);

/// GitHub's Markdown.
std::string render_markdown(const TableResults& table);

/// A float for LaTeX with booktabs.
std::string render_latex(const TableResults& table);

/// `text` with the characters that mean something in LaTeX replaced.
std::string escape_latex(const std::string& text);

/// One row for each cell and figure: the axes, the figure, its value with its interval, counts, the published value. A
/// field is empty where there is nothing; numbers have all their digits, in the unit shown.
std::string render_csv(const TableResults& table);

/// One row for each trial: the axes, trial, seed, key (the hash by which `--reuse` knows it), state (done, failed or
/// missing), the error, seconds, time, and every figure that a trial has returned, in the experiment's unit.
std::string render_trials_csv(const TableResults& table);

/// All that the others show and the settings of each cell; null where there is nothing.
std::string render_json(const TableResults& table);

/// One page with everything in it. Where trials left an original and a reconstruction, they are shown with their
/// difference, where they left scores, these are drawn; both come from `store`.
std::string render_html(const TableResults& table, const ResultsStore& store);

/// Writes table.csv, trials.csv, table.tex, table.html, table.json and table.md to `folder`, each in whole or not; also
/// curves.csv and the folder scores where there are any.
void write_table(const std::filesystem::path& folder, const TableResults& table, const ResultsStore& store);

}  // namespace archleak::sim
