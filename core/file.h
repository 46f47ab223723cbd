#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace archleak {

/// Writes `content` so that `file` holds either its old or its new content, never a part: temporary file beside it,
/// fsync, rename, fsync of the folder. Of several writers, threads or processes, one is the last. Throws Error if it
/// fails.
void write_file_atomically(const std::filesystem::path& file, std::string_view content);

/// Reads a whole file. Throws DataError if it is missing, not a regular file, or larger than `max_bytes`.
std::string read_file(const std::filesystem::path& file, uint64_t max_bytes = uint64_t{1} << 32);

}  // namespace archleak
