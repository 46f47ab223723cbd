#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "attacks/membership/scores.h"

namespace archleak::attacks {

/// A scores file as read.
struct ScoresFile {
  ScoreTable table;
  std::vector<std::string> ignored;  ///< named columns that mean nothing here
};

/// Reads comma-separated values with a header and the columns `score` and `member`, in any order; `label`, `correct`,
/// `part` and `id` may be there, further columns are ignored. `member` and `correct` are 0 or 1, false or true; `part`
/// is empty for non-members; empty lines are skipped; a byte order mark is, too.
///
/// Throws DataError with path and line for a file that is missing, empty, larger than 256 MiB or without one of both
/// columns, a column that is there twice, a line longer than 64 KiB or with another number of fields than the header, a
/// score that is not a finite number, a flag that is none, a non-member with a part, a class, part or id longer than
/// 256 bytes or with control characters, and unless there are members and non-members. Memory is bounded by a multiple
/// of the file's size.
ScoresFile read_scores(const std::filesystem::path& file);

/// Writes what `read_scores` reads back to the same bits: columns score, member, and those that the table has of label,
/// correct, part and id.
void write_scores(const std::filesystem::path& file, const ScoreTable& table);

}  // namespace archleak::attacks
