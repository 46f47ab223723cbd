#include "core/csv.h"

#include "core/error.h"

namespace archleak {
namespace {

bool needs_quotes(std::string_view field) {
  if (field.empty()) return false;
  return field.find_first_of(",\"") != std::string_view::npos || field.front() == ' ' || field.back() == ' ';
}

}  // namespace

std::string csv_row(const std::vector<std::string>& fields) {
  std::string row;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& field = fields[i];
    if (field.find_first_of("\r\n") != std::string::npos) {
      throw DataError("expected a field without line breaks, got one in column " + std::to_string(i + 1));
    }
    if (i > 0) row += ',';
    if (!needs_quotes(field)) {
      row += field;
      continue;
    }
    row += '"';
    for (const char character : field) row.append(character == '"' ? 2 : 1, character);
    row += '"';
  }
  return row;
}

std::vector<std::string> split_csv_row(std::string_view row, const std::string& where) {
  if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
  std::vector<std::string> fields(1);
  bool quoted = false;    // inside quotes
  bool complete = false;  // a quoted field has closed: only a comma may follow
  for (size_t i = 0; i < row.size(); ++i) {
    const char character = row[i];
    if (quoted) {
      if (character != '"') {
        fields.back() += character;
      } else if (i + 1 < row.size() && row[i + 1] == '"') {
        fields.back() += row[++i];
      } else {
        quoted = false;
        complete = true;
      }
    } else if (character == ',') {
      fields.emplace_back();
      complete = false;
    } else if (complete || (character == '"' && !fields.back().empty())) {
      throw DataError(where + ": expected a comma at column " + std::to_string(i + 1) + ", got '" + character + "'");
    } else if (character == '"') {
      quoted = true;
    } else {
      fields.back() += character;
    }
  }
  if (quoted) throw DataError(where + ": expected a closing quote, got the end of the line");
  return fields;
}

}  // namespace archleak
