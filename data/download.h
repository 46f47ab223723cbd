#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace archleak::data {

/// A file to fetch over HTTP or HTTPS.
struct Download {
  std::string url;
  std::filesystem::path target;
  std::string md5;                          ///< expected sum, 32 hexadecimal digits; empty: not checked
  uint64_t max_bytes = uint64_t{16} << 30;  ///< more is an error
};

/// Fetches `download.url` into `target`, showing progress. The bytes go to "TARGET.part", which a later call continues
/// where the server can; only a complete file with the right sum gets the target's name.
/// Throws TransportError when the transfer fails (what came is kept) and DataError for a wrong sum or too many bytes
/// (what came is removed).
void download(const Download& download);

/// Unpacks a .tar.gz or .zip archive into `folder` with the system's tar or unzip. Throws DataError if that fails.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& folder);

}  // namespace archleak::data
