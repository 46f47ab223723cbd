#pragma once
#include <filesystem>

#include "data/dataset.h"

namespace archleak::data {

/// Reads STL-10's binary layout: {train,test}_{X,y}.bin and class_names.txt if present. Images are 3x96x96, stored by
/// column; labels are 1 to 10 in the files. Throws DataError (path, byte offset) for missing files, partial images,
/// another number of labels than images, and labels out of range.
Splits read_stl10(const std::filesystem::path& folder);

}  // namespace archleak::data
