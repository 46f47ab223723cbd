#pragma once
#include <array>
#include <string>

namespace archleak::sim {

/// Of series, in their order; from the eleventh on they come again.
inline constexpr std::array kChartColours{"#2b6a99", "#d98032", "#4c9a6a", "#8c6bb1", "#b5484b",
                                          "#7a8794", "#c2a83e", "#3aa6a6", "#c97ba5", "#5b4b3a"};
inline constexpr int kChartWidth = 430;
inline constexpr int kFullChartWidth = 880;

/// The beginning of a gnuplot script: terminal, grid and axes that all charts share.
std::string chart_frame(int width, int height, const std::string& x_label, const std::string& y_label);

/// As many columns of the key as fit a chart of kChartWidth: gnuplot takes names for narrower than they are.
std::string key_columns(size_t longest_name);

/// Runs the script and gives the drawing its title. Throws as run_gnuplot does.
std::string run_drawing(const std::string& script, const std::string& title);

}  // namespace archleak::sim
