#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace archleak {

/// One row of comma-separated values (RFC 4180), without the end of line. Fields with a comma, a quote or a blank at
/// either end are quoted. Throws DataError for a field with a line break: a row is a line.
std::string csv_row(const std::vector<std::string>& fields);

/// The fields of one row, unquoted; a carriage return at the end is dropped. Throws DataError, beginning with `where`
/// ("metrics.csv:3"), for a quote that does not close or that stands within an unquoted field.
std::vector<std::string> split_csv_row(std::string_view row, const std::string& where);

}  // namespace archleak
