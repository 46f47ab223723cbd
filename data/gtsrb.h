#pragma once
#include <cstdint>
#include <filesystem>

#include "data/dataset.h"

namespace archleak::data {

/// Reads the German traffic signs (Stallkamp et al. 2012): folder/000CC/GT-000CC.csv (semicolons) and PPM images, 43
/// classes, resized to `image_size` squared, cropped to the annotated region of interest first if wished.
///
/// The published test split is another download, so both splits come from the training images. Images of one track
/// show one physical sign and are near duplicates; a track (class and first number of the file name) stays whole: of
/// each class's tracks, in ascending order, every fourth goes to test. Throws DataError with path and line.
Splits read_gtsrb(const std::filesystem::path& folder, int64_t image_size, bool region_of_interest);

}  // namespace archleak::data
