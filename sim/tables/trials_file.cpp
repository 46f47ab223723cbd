#include "sim/tables/trials_file.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "core/csv.h"
#include "core/error.h"
#include "core/file.h"
#include "core/printable.h"

namespace archleak::sim {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 30;

double read_number(const std::string& text, const std::string& where) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (!text.empty() && next == end && error == std::errc()) return value;
  throw DataError(fmt::format("{}: expected a number, got '{}'", where, printable(text.substr(0, 40))));
}

/// Where the columns between axes and figures begin.
size_t find_columns(const std::vector<std::string>& head, const std::string& where) {
  const auto found = std::search(head.begin(), head.end(), kTrialColumns.begin(), kTrialColumns.end());
  if (found != head.end()) return static_cast<size_t>(found - head.begin());
  throw DataError(fmt::format("{}: expected the columns {}, got others; render the table again: archleak table show",
                              where, fmt::join(kTrialColumns, ", ")));
}

}  // namespace

TrialsByHash read_trials(const std::filesystem::path& file) {
  std::istringstream lines(read_file(file, kMostBytes));
  TrialsByHash trials;
  std::vector<std::string> head;
  size_t first = 0;
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = fmt::format("{}:{}", file.string(), ++number);
    const std::vector<std::string> fields = split_csv_row(line, where);
    if (head.empty()) {
      first = find_columns(fields, where);
      head = fields;
      continue;
    }
    if (fields.size() != head.size()) {
      throw DataError(fmt::format("{}: expected {} fields, got {}", where, head.size(), fields.size()));
    }
    const auto field = [&](const char* name) -> const std::string& {
      return fields[first + static_cast<size_t>(std::find(kTrialColumns.begin(), kTrialColumns.end(), name) -
                                                kTrialColumns.begin())];
    };
    if (field("state") != "done") continue;
    ResultRow row;
    row.seconds = read_number(field("trial_seconds"), where);
    row.time = field("time");
    for (size_t i = first + kTrialColumns.size(); i < fields.size(); ++i) {
      if (!fields[i].empty()) row.figures[head[i]] = read_number(fields[i], where);
    }
    trials[field("key")] = std::move(row);
  }
  if (head.empty()) find_columns(head, file.string());
  return trials;
}

}  // namespace archleak::sim
