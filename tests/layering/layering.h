#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace archleak::test {

/// The floor of a code folder, from 1 (core) to 5 (sim); tests and bench are above all. 0 for a folder without floor.
int floor_of(const std::string& folder);

/// What the source `text` of `file` ("nas/cell.cpp", relative to the root) includes against the rules:
///
/// - a file includes its own folder and floors below its own, never another folder of its floor or one above;
/// - tests and bench include all;
/// - project headers are included in quotes by their full path from the root, without "..".
///
/// One line each: "nas/cell.cpp:3: ...".
std::vector<std::string> include_violations(const std::string& file, const std::string& text);

/// The violations of all C++ files in the code folders, tests and bench under `root`, in order of file names.
std::vector<std::string> check_tree(const std::filesystem::path& root);

}  // namespace archleak::test
