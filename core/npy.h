#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace archleak {

/// Writes a NumPy file (format 1.0, C order) that `numpy.load` reads: float32 or int64 of this shape. Throws DataError
/// for another number of values than the shape says, Error if it cannot be written.
void write_npy(const std::filesystem::path& file, std::span<const float> values, const std::vector<int64_t>& shape);
void write_npy(const std::filesystem::path& file, std::span<const int64_t> values, const std::vector<int64_t>& shape);

}  // namespace archleak
