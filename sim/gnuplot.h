#pragma once
#include <string>
#include <string_view>

namespace archleak::sim {

/// Runs gnuplot as a child process on `script` and returns what it writes to its standard output.
/// Throws Error if gnuplot is not installed, fails or writes nothing; the message holds its complaint.
std::string run_gnuplot(const std::string& script);

/// `text` as a gnuplot string: in single quotes, which keep commands and macros from being expanded, on one line.
/// Apostrophes become typographic ones, since gnuplot does not take a doubled one everywhere.
std::string gnuplot_quote(std::string_view text);

}  // namespace archleak::sim
