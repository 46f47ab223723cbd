#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace archleak {

using Sha256 = std::array<uint8_t, 32>;

/// SHA-256 of `size` bytes.
Sha256 sha256(const void* bytes, size_t size);

/// SHA-256 of a file's content, read in blocks. Throws DataError if it cannot be read.
Sha256 sha256_file(const std::filesystem::path& file);

/// Lower-case hexadecimal; 64 characters.
std::string to_hex(const Sha256& digest);

}  // namespace archleak
