#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace archleak::data {

/// What comparing files with a list of checksums found.
struct ChecksumReport {
  bool listed = false;  ///< whether there is a list at all
  int64_t matching = 0;
  std::vector<std::string> problems;  ///< one a file that is missing or differs
};

/// Compares the files under root/folder with SHA256SUMS (lines "HEX  PATH", paths relative to the list) in that folder,
/// else in `root`. Throws DataError, with file and line, for a list that is not one.
ChecksumReport verify_checksums(const std::filesystem::path& root, const std::string& folder);

/// The MD5 sum of a file, 32 hexadecimal digits. Against broken transfers only: it proves no origin.
std::string md5_file(const std::filesystem::path& file);

}  // namespace archleak::data
