#include "tests/layering/layering.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "core/file.h"

namespace archleak::test {
namespace {

constexpr int kAboveAll = 6;

const std::map<std::string, int>& floors() {
  static const std::map<std::string, int> floors{
      {"core", 1},   {"data", 2},   {"models", 2},  {"wire", 2}, {"nas", 3},           {"defenses", 3},
      {"client", 4}, {"server", 4}, {"attacks", 4}, {"sim", 5},  {"tests", kAboveAll}, {"bench", kAboveAll},
  };
  return floors;
}

std::string first_folder(const std::string& path) {
  const size_t slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

/// What stands between the delimiters of an include directive, with the opening one in front; empty for other lines.
std::string included(const std::string& line) {
  std::istringstream stream(line);
  std::string text;
  std::getline(stream >> std::ws, text);
  if (!text.starts_with('#')) return "";
  size_t at = text.find_first_not_of(" \t", 1);
  if (at == std::string::npos || text.compare(at, 7, "include") != 0) return "";
  at = text.find_first_not_of(" \t", at + 7);
  if (at == std::string::npos || (text[at] != '"' && text[at] != '<')) return "";
  const size_t end = text.find(text[at] == '<' ? '>' : '"', at + 1);
  return end == std::string::npos ? "" : text.substr(at, end - at);
}

/// Why `file` may not include `directive`; empty if it may.
std::string flaw(const std::string& file, const std::string& directive) {
  const std::string path = directive.substr(1);
  const std::string from = first_folder(file);
  const std::string to = first_folder(path);
  const int own = floor_of(from);
  const int other = floor_of(to);
  if (directive.front() == '<') {
    return other > 0 && to != "tests" && to != "bench" ? "expected quotes around a project header" : "";
  }
  if (path.find("..") != std::string::npos || other == 0) return "expected a full path from the root";
  if (own == kAboveAll || to == from || other < own) return "";
  const std::string rule = other == own ? "another folder of the same floor" : "a floor above";
  return "expected its own folder or a floor below " + std::to_string(own) + ", got " + rule;
}

}  // namespace

int floor_of(const std::string& folder) {
  const auto found = floors().find(folder);
  return found == floors().end() ? 0 : found->second;
}

std::vector<std::string> include_violations(const std::string& file, const std::string& text) {
  std::vector<std::string> violations;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string directive = included(line);
    if (directive.empty()) continue;
    const std::string reason = flaw(file, directive);
    if (!reason.empty()) {
      violations.push_back(file + ":" + std::to_string(number) + ": includes " + directive.substr(1) + ": " + reason);
    }
  }
  return violations;
}

std::vector<std::string> check_tree(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> files;
  for (const auto& [folder, floor] : floors()) {
    if (!std::filesystem::is_directory(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".h" || extension == ".cpp" || extension == ".cu") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> violations;
  for (const auto& file : files) {
    const auto found = include_violations(file.lexically_relative(root).generic_string(), read_file(file));
    violations.insert(violations.end(), found.begin(), found.end());
  }
  return violations;
}

}  // namespace archleak::test
