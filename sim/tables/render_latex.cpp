#include <spdlog/fmt/fmt.h>

#include "sim/tables/table_render.h"
#include "sim/tables/table_show.h"

namespace archleak::sim {
namespace {

std::string line(const std::vector<std::string>& fields) {
  std::string text;
  for (size_t i = 0; i < fields.size(); ++i) text += (i > 0 ? " & " : "") + fields[i];
  return text + " \\\\\n";
}

std::string ours(const ShownCell& cell) {
  const std::string value = cell.value == "–" ? "--" : escape_latex(cell.value);
  return cell.interval.empty() ? value : value + " {\\scriptsize " + escape_latex(cell.interval) + "}";
}

}  // namespace

std::string escape_latex(const std::string& text) {
  std::string escaped;
  for (const char character : text) {
    switch (character) {
      case '\\':
        escaped += "\\textbackslash{}";
        break;
      case '~':
        escaped += "\\textasciitilde{}";
        break;
      case '^':
        escaped += "\\textasciicircum{}";
        break;
      case '<':
        escaped += "\\textless{}";
        break;
      case '>':
        escaped += "\\textgreater{}";
        break;
      case '[':  // after a line's end it would begin an option
      case ']':
        escaped += std::string("{") + character + "}";
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        escaped += '\\';
        [[fallthrough]];
      default:
        escaped += character == '\n' ? ' ' : character;
    }
  }
  return escaped;
}

std::string render_latex(const TableResults& table) {
  const TableSpec& spec = table.plan.spec;
  const ShownTable shown = lay_out(table);
  const std::string title = escape_latex(spec.title) + (spec.title.ends_with('.') ? " " : ". ");
  std::string text = fmt::format(
      "% Made by archleak from {}; needs \\usepackage{{booktabs}}.\n\\begin{{table}}\n\\centering\n"
      "\\caption{{{}{}}}\n\\label{{tab:{}}}\n\\begin{{tabular}}{{{}{}}}\n\\toprule\n",
      escape_latex(spec.id), title, escape_latex(caption(table)), spec.id, std::string(shown.row_axes.size() + 1, 'l'),
      std::string(shown.columns.size(), 'r'));
  std::vector<std::string> head;
  for (const std::string& axis : shown.row_axes) head.push_back(escape_latex(axis));
  head.emplace_back();
  for (const std::string& column : shown.columns) head.push_back(escape_latex(column));
  text += line(head) + "\\midrule\n";
  const std::vector<std::string>* last = nullptr;
  for (const ShownRow& row : shown.rows) {
    const bool same = last && *last == row.place;
    if (last && !same) text += "\\addlinespace\n";
    std::vector<std::string> fields;
    for (const std::string& label : row.place) fields.push_back(same ? "" : escape_latex(label));
    std::vector<std::string> published(row.place.size());
    fields.push_back(escape_latex(row.figure));
    published.emplace_back("\\quad published");
    for (const ShownCell& cell : row.cells) {
      fields.push_back(ours(cell));
      published.push_back(escape_latex(cell.published));
    }
    text += line(fields);
    if (row.has_published()) text += line(published);
    last = &row.place;
  }
  return text + "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
}

}  // namespace archleak::sim
