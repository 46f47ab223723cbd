#pragma once
#include <cstdint>
#include <filesystem>

#include "data/dataset.h"

namespace archleak::data {

/// Reads folder/{train,test}/CLASS/*.{png,jpg,jpeg,ppm,pgm,bmp}, resized to `image_size` squared. Classes are the
/// folders of train by name; the first image decides whether all are grey or colour. Other files are an error.
/// Throws DataError for missing folders, a test class that train lacks, and files that are no images.
Splits read_image_folder(const std::filesystem::path& folder, int64_t image_size);

}  // namespace archleak::data
