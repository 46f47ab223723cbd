#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "data/dataset.h"

namespace archleak::data {

/// What a table file must look like; 0 takes what the first line and the labels say.
struct TableFormat {
  int64_t features = 0;
  int64_t classes = 0;
  std::filesystem::path label_file;  ///< one label a line; empty: the label is the first column
};

/// Reads comma-separated binary features ("0" or "1") with a class number from 1 on, quoted or bare (the layout of the
/// Location, Purchase and Texas sets of Shokri et al. 2017). Every fifth row goes to test, the others to train.
/// Throws DataError with path and line for ragged rows, other values, labels out of range, and too few rows.
Splits read_table(const std::filesystem::path& file, const std::string& name, const TableFormat& format);

}  // namespace archleak::data
