#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace archleak::data {

/// Walks a text line by line; "\n" and "\r\n" end a line.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  /// Moves to the next line; false at the end.
  bool next(std::string_view& line);

  int64_t number() const { return number_; }  ///< of the line that came last, from 1

 private:
  std::string_view rest_;
  int64_t number_ = 0;
};

/// Reads `text` as a whole number without sign; false unless it is one that fits.
bool parse_number(std::string_view text, int64_t& value);

/// Reads one class name a line, empty lines left out; no names if the file is absent.
/// Throws DataError for another number of names than `classes`.
std::vector<std::string> read_class_names(const std::filesystem::path& file, int64_t classes);

}  // namespace archleak::data
