#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace archleak::sim {

/// A text file that grows by whole lines, each in one write, so that readers never meet half a line for long and a
/// crash costs at most the last one. The file is opened by the first `append`, which first drops a partial last line.
/// Not thread-safe; one writer at a time.
class LineFile {
 public:
  explicit LineFile(std::filesystem::path path);
  ~LineFile();
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }

  /// Adds `line` (without line breaks) and an end of line. Throws Error if it cannot be written.
  void append(std::string_view line);

  /// Returns when everything appended is on the disk (fsync). Throws Error if that fails.
  void sync();

  /// The complete lines of the file; a partial last line is left out. No file: no lines.
  /// Throws DataError for a file that cannot be read or is larger than 1 GiB.
  std::vector<std::string> lines() const;

  /// Replaces the content by `lines`, atomically.
  void rewrite(const std::vector<std::string>& lines);

 private:
  void open();
  void close();

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace archleak::sim
