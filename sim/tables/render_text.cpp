#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/file.h"
#include "sim/tables/sample_scores.h"
#include "sim/tables/table_curves.h"
#include "sim/tables/table_render.h"
#include "sim/tables/table_show.h"
#include "sim/tables/trials_file.h"

namespace archleak::sim {
namespace {

using Lines = std::vector<std::vector<std::string>>;

/// Characters of UTF-8 text, each taken as one column wide.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string join(const ShownCell& cell) {
  return cell.interval.empty() ? cell.value : cell.value + " " + cell.interval;
}

/// The head and a line for ours, then one for the published values where there are any.
Lines to_lines(const ShownTable& shown) {
  Lines lines(1, shown.row_axes);
  lines[0].emplace_back("");
  lines[0].insert(lines[0].end(), shown.columns.begin(), shown.columns.end());
  const std::vector<std::string>* last = nullptr;
  for (const ShownRow& row : shown.rows) {
    std::vector<std::string> ours = last && *last == row.place ? std::vector<std::string>(row.place.size()) : row.place;
    std::vector<std::string> published(row.place.size());
    ours.push_back(row.figure);
    published.emplace_back("  published");
    for (const ShownCell& cell : row.cells) {
      ours.push_back(join(cell));
      published.push_back(cell.published);
    }
    lines.push_back(std::move(ours));
    if (row.has_published()) lines.push_back(std::move(published));
    last = &row.place;
  }
  return lines;
}

std::string aligned(const Lines& lines) {
  std::vector<size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
  }
  std::string text;
  for (size_t n = 0; n < lines.size(); ++n) {
    std::string row;
    for (size_t i = 0; i < widths.size(); ++i) {
      row += (i > 0 ? "  " : "") + lines[n][i] + std::string(widths[i] - width_of(lines[n][i]), ' ');
    }
    row.resize(row.find_last_not_of(' ') + 1);
    text += row + "\n";
    if (n > 0) continue;
    size_t total = 2 * (widths.size() - 1);
    for (const size_t width : widths) total += width;
    text += std::string(total, '-') + "\n";
  }
  return text;
}

std::string escape_markdown(const std::string& text) {
  std::string escaped;
  for (const char character : text) {
    if (std::string_view("\\|*_`<>[]").find(character) != std::string_view::npos) escaped += '\\';
    escaped += character == '\n' ? ' ' : character;
  }
  return escaped;
}

std::string source_line(const TableSpec& spec) {
  return spec.source.empty() || spec.paper.empty() ? spec.paper + spec.source
                                                   : fmt::format("{} of \"{}\"", spec.source, spec.paper);
}

}  // namespace

std::string render_text(const TableResults& table) {
  const TableSpec& spec = table.plan.spec;
  std::string text = fmt::format("{}: {}\n", spec.id, spec.title);
  if (const std::string source = source_line(spec); !source.empty()) text += source + "\n";
  text += fmt::format("\n{}\n{}\n", aligned(to_lines(lay_out(table))), caption(table));
  if (!table.verdicts.empty()) text += fmt::format("\n{}\n", directions(spec));
  for (const Verdict& verdict : table.verdicts) {
    text += fmt::format("  {:<10} {}{}: {}\n", name_of(verdict.outcome), verdict.claim,
                        verdict.where.empty() ? "" : fmt::format(" ({})", verdict.where), verdict.reason);
  }
  const auto notes = remarks(table);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += fmt::format("- {}\n", note);
  return text;
}

std::string render_markdown(const TableResults& table) {
  const TableSpec& spec = table.plan.spec;
  std::string text = fmt::format("## {}: {}\n", escape_markdown(spec.id), escape_markdown(spec.title));
  if (const std::string source = source_line(spec); !source.empty()) text += escape_markdown(source) + "\n";
  const Lines lines = to_lines(lay_out(table));
  for (size_t n = 0; n < lines.size(); ++n) {
    text += n == 0 ? "\n|" : "|";
    for (const std::string& field : lines[n]) text += fmt::format(" {} |", escape_markdown(field));
    text += "\n";
    if (n > 0) continue;
    text += "|";
    for (size_t i = 0; i < lines[0].size(); ++i) text += "---|";
    text += "\n";
  }
  text += fmt::format("\n{}\n", escape_markdown(caption(table)));
  if (!table.verdicts.empty()) text += "\n| Direction | Where | Verdict | Figures |\n|---|---|---|---|\n";
  for (const Verdict& verdict : table.verdicts) {
    text += fmt::format("| {} | {} | {} | {} |\n", escape_markdown(verdict.claim), escape_markdown(verdict.where),
                        name_of(verdict.outcome), escape_markdown(verdict.reason));
  }
  const auto notes = remarks(table);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += fmt::format("- {}\n", escape_markdown(note));
  return text;
}

void write_table(const std::filesystem::path& folder, const TableResults& table, const ResultsStore& store) {
  write_file_atomically(folder / "table.csv", render_csv(table));
  write_file_atomically(folder / kTrialsFile, render_trials_csv(table));
  write_file_atomically(folder / "table.tex", render_latex(table));
  write_file_atomically(folder / "table.html", render_html(table, store));
  write_file_atomically(folder / "table.json", render_json(table));
  write_file_atomically(folder / "table.md", render_markdown(table));
  if (!table.plan.spec.curves.empty()) write_file_atomically(folder / "curves.csv", render_curves_csv(table));
  write_scores(folder, table, store);
}

}  // namespace archleak::sim
