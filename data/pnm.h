#pragma once
#include <filesystem>
#include <string>

namespace archleak::data {

/// Brings a binary PGM or PPM file ("P5", "P6", 8 bits) to the one header that decoders agree on.
///
/// Copies of the GTSRB files have been through text mode: their header lines, and any byte 10 among the pixels, became
/// "\r\n". Decoders that take one byte of white space after the largest value shift all colours of such an image by one
/// byte. It is repaired where that gives exactly the promised number of pixels. Throws DataError for a bad header, more
/// than 8192 pixels on a side, or another number of pixel bytes than it says.
std::string canonical_pnm(const std::string& content, const std::filesystem::path& file);

/// Whether `content` starts like such a file.
bool is_pnm(const std::string& content);

}  // namespace archleak::data
