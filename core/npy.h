#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace archleak {

/// Writes a NumPy file (format 1.0, C order) that `numpy.load` reads: float32 or int64 of this shape. Throws DataError
/// for another number of values than the shape says, Error if it cannot be written.
void write_npy(const std::filesystem::path& file, std::span<const float> values, const std::vector<int64_t>& shape);
void write_npy(const std::filesystem::path& file, std::span<const int64_t> values, const std::vector<int64_t>& shape);

/// The content of such a file, for float32. Throws DataError for another number of values than the shape says.
std::string encode_npy(std::span<const float> values, const std::vector<int64_t>& shape);

/// What `encode_npy` was given.
struct FloatArray {
  std::vector<float> values;
  std::vector<int64_t> shape;
};

/// Reads float32 in C order, format 1.0, as `encode_npy` makes it. Throws DataError, beginning with `where`, for bytes
/// that are no such array or have another length than their shape says.
FloatArray decode_npy(std::string_view bytes, const std::string& where);

}  // namespace archleak
