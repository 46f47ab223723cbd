#include <spdlog/fmt/fmt.h>

#include <functional>

#include "core/progress.h"
#include "sim/html.h"
#include "sim/tables/image_strip.h"
#include "sim/tables/sample_scores.h"
#include "sim/tables/score_chart.h"
#include "sim/tables/table_charts.h"
#include "sim/tables/table_curves.h"
#include "sim/tables/table_render.h"
#include "sim/tables/table_show.h"

namespace archleak::sim {
namespace {

constexpr size_t kStripTrials = 3;  // images of a cell
constexpr int64_t kEnlarged = 2;

std::string head(const TableResults& table) {
  const TableSpec& spec = table.plan.spec;
  const bool finished = table.done() == table.expected();
  const char* state = finished ? "finished" : table.failed() > 0 ? "failed" : "unfinished";
  std::string html =
      fmt::format("<header><h1>{}</h1><span class=\"state {}\">{}</span></header>\n<p>{}", escape_html(spec.id), state,
                  finished             ? "complete"
                  : table.failed() > 0 ? "trials failed"
                                       : state,
                  escape_html(spec.title));
  html += "</p>\n<p class=\"soft\">" + escape_html(spec.source);
  if (!spec.paper.empty()) html += (spec.source.empty() ? "" : " of ") + ("<i>" + escape_html(spec.paper) + "</i>");
  return html + fmt::format("{}{} of {} trials, {} of computation</p>\n",
                            spec.paper.empty() && spec.source.empty() ? "" : "; ", table.done(), table.expected(),
                            format_duration(table.seconds));
}

std::string cell_html(const ShownCell& cell) {
  std::string html = "<b>" + escape_html(cell.value) + "</b>";
  if (!cell.interval.empty()) html += "<br><span class=\"soft\">" + escape_html(cell.interval) + "</span>";
  if (!cell.published.empty()) html += "<br><span class=\"published\">" + escape_html(cell.published) + "</span>";
  return html;
}

/// Text in a table of numbers.
std::string words(const std::string& text) {
  return "<div class=\"words\">" + escape_html(text) + "</div>";
}

/// Axes of the rows, then `columns`.
std::vector<std::string> head_of(const TableResults& table, const std::vector<std::string>& columns) {
  std::vector<std::string> fields;
  for (const std::string& axis : table.plan.spec.rows) fields.push_back(words(axis));
  for (const std::string& column : columns) fields.push_back(escape_html(column));
  return fields;
}

std::string table_section(const TableResults& table) {
  const ShownTable shown = lay_out(table);
  std::vector<std::string> columns = shown.columns;
  columns.insert(columns.begin(), "");  // the figure's name
  std::vector<std::vector<std::string>> rows;
  bool published = false;
  for (const ShownRow& row : shown.rows) {
    const bool same = !rows.empty() && (&row - 1)->place == row.place;
    std::vector<std::string> fields;
    for (const std::string& label : row.place) fields.push_back(same ? "" : words(label));
    fields.push_back(words(row.figure));
    for (const ShownCell& cell : row.cells) fields.push_back(cell_html(cell));
    rows.push_back(std::move(fields));
    published |= row.has_published();
  }
  return html_section(
      "Table", html_table(head_of(table, columns), rows, true) + "<p class=\"soft\">" + escape_html(caption(table)) +
                   (published ? " In <span class=\"published\">blue</span>: as published." : "") + "</p>\n");
}

std::string checks_section(const TableResults& table) {
  if (table.verdicts.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const Verdict& verdict : table.verdicts) {
    const char* state = verdict.outcome == Outcome::holds   ? "finished"
                        : verdict.outcome == Outcome::fails ? "failed"
                                                            : "unfinished";
    rows.push_back({escape_html(verdict.claim), escape_html(verdict.where),
                    fmt::format("<span class=\"state {}\">{}</span>", state, name_of(verdict.outcome)),
                    escape_html(verdict.reason)});
  }
  return html_section(directions(table.plan.spec),
                      html_table({"direction", "where", "verdict", "figures"}, rows, false) +
                          "<p class=\"soft\">A direction holds or fails where intervals lie apart; where they overlap, "
                          "the data do not decide.</p>\n");
}

std::string remarks_section(const TableResults& table) {
  const auto lines = remarks(table);
  if (lines.empty()) return "";
  std::string html = "<ul>\n";
  for (const std::string& line : lines) html += "<li>" + escape_html(line) + "</li>\n";
  return html_section("Remarks", html + "</ul>\n");
}

/// The images of the first trials of a cell that left any.
std::string strip_html(const TableResults& table, size_t cell, const ResultsStore& store) {
  std::vector<ImageTriple> triples;
  for (const TrialRecord& trial : table.trials) {
    if (trial.cell != cell || !trial.row || triples.size() == kStripTrials) continue;
    if (auto triple = find_triple(store, trial.key.hash())) triples.push_back(std::move(*triple));
  }
  if (triples.empty()) return "";
  const data::Image strip = draw_strip(triples);
  return fmt::format(
      "<span class=\"pixels\" style=\"width:{}px\">{}</span>", kEnlarged * strip.width,
      html_image(data::encode_png(strip), "image/png",
                 describe(table.plan, table.plan.cells[cell].at) + ": original, reconstruction and difference"));
}

/// The distribution of scores in the first trial of a cell that left any.
std::string scores_html(const TableResults& table, size_t cell, const ResultsStore& store) {
  for (const TrialRecord& trial : table.trials) {
    if (trial.cell != cell || !trial.row) continue;
    if (const auto scores = find_scores(store, trial.key.hash())) {
      return draw_scores(*scores,
                         fmt::format("{}, trial {}", describe(table.plan, table.plan.cells[cell].at), trial.trial));
    }
  }
  return "";
}

/// A section that shows each cell at its place; nothing where `show` has nothing for any cell.
std::string cells_section(const std::string& heading, const TableResults& table, const std::string& caption,
                          const std::function<std::string(size_t cell)>& show) {
  const TablePlan& plan = table.plan;
  const auto columns = plan.combinations(plan.spec.columns);
  std::vector<std::string> names;
  for (const Selection& column : columns) names.push_back(describe(plan, column));
  std::vector<std::vector<std::string>> rows;
  bool any = false;
  for (const Selection& row : plan.combinations(plan.spec.rows)) {
    std::vector<std::string> fields;
    for (const std::string& axis : plan.spec.rows) fields.push_back(escape_html(row.at(axis)));
    for (Selection at : columns) {
      at.insert(row.begin(), row.end());
      fields.push_back(show(*plan.find(at)));
      any |= !fields.back().empty();
    }
    rows.push_back(std::move(fields));
  }
  if (!any) return "";
  return html_section(heading,
                      html_table(head_of(table, names), rows, false) + "<p class=\"soft\">" + caption + "</p>\n");
}

std::string images_section(const TableResults& table, const ResultsStore& store) {
  return cells_section("Images", table,
                       fmt::format("Original, reconstruction and absolute difference, in the first {} trials of each "
                                   "cell: not the best ones.",
                                   kStripTrials),
                       [&](size_t cell) { return strip_html(table, cell, store); });
}

std::string scores_section(const TableResults& table, const ResultsStore& store) {
  return cells_section("Scores", table,
                       "What the attack says of members and of non-members, in the first trial of each cell that kept "
                       "it: right of the dashed line it takes a sample for a member. The folder scores has these "
                       "trials and all others that were kept, for <code>archleak audit scores</code>.",
                       [&](size_t cell) { return scores_html(table, cell, store); });
}

std::string settings_section(const TableResults& table) {
  std::string html;
  for (const TableCell& cell : table.plan.cells) {
    html += html_details(escape_html(describe(table.plan, cell.at)), "<pre>" + escape_html(cell.settings) + "</pre>\n");
  }
  return html_section("Settings of each cell", html);
}

}  // namespace

std::string render_html(const TableResults& table, const ResultsStore& store) {
  return html_page(table.plan.spec.id + " - ArchLeak",
                   head(table) + table_section(table) + checks_section(table) + charts_section(table) +
                       curves_section(table) + images_section(table, store) + scores_section(table, store) +
                       remarks_section(table) + settings_section(table) +
                       "<p class=\"soft\">Beside this page: results.sqlite, table.csv, trials.csv, table.tex, "
                       "table.json, table.md.</p>\n");
}

}  // namespace archleak::sim
