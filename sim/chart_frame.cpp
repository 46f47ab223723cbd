#include "sim/chart_frame.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <string_view>

#include "sim/gnuplot.h"
#include "sim/html.h"

namespace archleak::sim {

// The SVG is told to stand alone so that images are inside it.
std::string chart_frame(int width, int height, const std::string& x_label, const std::string& y_label) {
  return fmt::format(
      "set terminal svg size {},{} dynamic noenhanced font 'Arial,11' standalone\n"
      "set border 3 lc rgb '#98a2ad' lw 0.8\nset tics nomirror out scale 0.5 textcolor rgb '#4a5560'\n"
      "set grid ytics lc rgb '#e3e7eb' lw 0.8 lt 1\nset xlabel {} textcolor rgb '#4a5560'\n"
      "set ylabel {} textcolor rgb '#4a5560'\n"
      "set key above left Left reverse samplen 1.5 spacing 1 textcolor rgb '#2a323a'\n",
      width, height, gnuplot_quote(x_label), gnuplot_quote(y_label));
}

std::string key_columns(size_t longest_name) {
  constexpr size_t kCharacter = 6, kSample = 50, kMargins = 90;  // pixels
  return fmt::format("set key maxcols {}\n",
                     std::max<size_t>(1, (kChartWidth - kMargins) / (longest_name * kCharacter + kSample)));
}

std::string run_drawing(const std::string& script, const std::string& title) {
  std::string svg = run_gnuplot(script);
  constexpr std::string_view kOwnTitle = "<title>Gnuplot</title>";
  const size_t at = svg.find(kOwnTitle);
  if (at != std::string::npos) svg.replace(at, kOwnTitle.size(), "<title>" + escape_html(title) + "</title>");
  return svg;
}

}  // namespace archleak::sim
