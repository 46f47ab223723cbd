#include "sim/audit/roc_chart.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "sim/gnuplot.h"

namespace archleak::sim {
namespace {

constexpr double kSmallestRate = 1e-5;  // at the left and lower end of logarithmic axes
constexpr int kWidth = 1680, kHeight = 820;
constexpr double kPanel = 2400;  // steps along an axis that an eye could tell apart

constexpr const char* kInk = "#4a5560";
constexpr const char* kCurve = "#2b6a99";
constexpr const char* kPoints = "#b5484b";
constexpr std::array kColours{"#2b6a99", "#d98032", "#4c9a6a", "#8c6bb1", "#b5484b", "#7a8794"};

double linear(double rate) {
  return rate;
}
double logarithmic(double rate) {
  return 1 - std::log(rate) / std::log(kSmallestRate);
}

/// A data block of the points that can be told apart; `place` maps a rate to its place along an axis, 0 to 1.
template <typename Place>
std::string block(const char* name, const attacks::RocCurve& curve, double smallest, Place&& place) {
  std::string text = fmt::format("${} << END\n", name);
  double x = -1, y = -1;
  for (size_t i = 0; i < curve.fpr.size(); ++i) {
    const double fpr = std::max(curve.fpr[i], smallest), tpr = std::max(curve.tpr[i], smallest);
    const bool moved = std::abs(place(fpr) - x) >= 1 / kPanel || std::abs(place(tpr) - y) >= 1 / kPanel;
    if (!moved && i + 1 < curve.fpr.size()) continue;
    x = place(fpr);
    y = place(tpr);
    text += fmt::format("{} {}\n", fpr, tpr);
  }
  return text + "END\n";
}

/// Rates with the ends of their intervals: FPR, TPR, low, high.
std::string rates(const attacks::Evaluation& found) {
  std::string text = "$rates << END\n";
  for (const auto& [fpr, field] :
       {std::pair(1e-2, &attacks::Metrics::tpr_at_1_percent), std::pair(1e-3, &attacks::Metrics::tpr_at_1_permille)}) {
    const double value = found.value.*field;
    const auto end = [&](double rate) { return std::max(std::isnan(rate) ? value : rate, kSmallestRate); };
    text += fmt::format("{} {} {} {}\n", fpr, end(value), end(found.low.*field), end(found.high.*field));
  }
  return text + "END\n";
}

std::string interval(const char* name, double value, double low, double high) {
  return std::isnan(low) ? fmt::format("{} {:.3f}", name, value)
                         : fmt::format("{} {:.3f} ({:.3f} to {:.3f})", name, value, low, high);
}

constexpr const char* kKeyInside = "bottom right opaque";
/// Across both panels, where no curve is.
constexpr const char* kKeyBelow = "at screen 0.53,0.01 center bottom vertical maxrows 3";

/// Two square panels with `below` pixels free under them, and their axes' style.
std::string panels(const char* key = kKeyInside, int below = 0) {
  const int height = kHeight + below;
  return fmt::format(
      "set terminal pngcairo size {1},{2} noenhanced font 'Arial,20' linewidth 2\n"
      "set multiplot layout 1,2 margins 0.1,0.965,{3},{4} spacing 0.135\n"
      "set border 3 lc rgb '#98a2ad' lw 0.8\nset tics nomirror out scale 0.5 textcolor rgb '{0}'\n"
      "set grid lc rgb '#e3e7eb' lw 0.8 lt 1\nset size square\n"
      "set xlabel 'false-positive rate' textcolor rgb '{0}'\nset ylabel 'true-positive rate' textcolor rgb '{0}'\n"
      "set key {5} Left reverse samplen 1.5 spacing 1.25 textcolor rgb '#2a323a'\n",
      kInk, kWidth, height, (0.13 * kHeight + below) / height, 1 - 0.07 * kHeight / height, key);
}

std::string linear_axes() {
  return fmt::format("set xrange [0:1]\nset yrange [0:1]\nset xtics {0}\nset ytics {0}\n",
                     "('0' 0, '20 %%' 0.2, '40 %%' 0.4, '60 %%' 0.6, '80 %%' 0.8, '100 %%' 1)");
}

/// Shaded is what so few non-members cannot show.
std::string logarithmic_axes(int64_t nonmembers) {
  std::string script;
  const double finest = 1 / static_cast<double>(nonmembers);
  if (finest > kSmallestRate) {
    script += fmt::format("set object 1 rectangle from {0},{0} to {1},1 fc rgb '#eef1f4' fs solid noborder behind\n",
                          kSmallestRate, finest);
    script +=
        fmt::format("set label 1 {} at {},1 offset 0,0.7 left textcolor rgb '{}'\n",
                    gnuplot_quote(fmt::format("shaded: below 1 of {} non-members", nonmembers)), kSmallestRate, kInk);
  }
  return script + fmt::format("set logscale xy\nset xrange [{0}:1]\nset yrange [{0}:1]\nset xtics {1}\nset ytics {1}\n",
                              kSmallestRate,
                              "('0.001 %%' 1e-5, '0.01 %%' 1e-4, '0.1 %%' 1e-3, '1 %%' 1e-2, '10 %%' 0.1, '100 %%' 1)");
}

}  // namespace

std::string draw_roc(const attacks::RocCurve& curve, const attacks::Evaluation& evaluation) {
  std::string script = block("linear", curve, 0, linear) + block("logarithmic", curve, kSmallestRate, logarithmic);
  script += rates(evaluation) + panels() + linear_axes();
  script += fmt::format(
      "plot x with lines dt 2 lc rgb '#98a2ad' title 'guessing', "
      "$linear using 1:2 with lines lw 1.8 lc rgb '{}' title {}\n",
      kCurve, gnuplot_quote(interval("AUC", evaluation.value.auc, evaluation.low.auc, evaluation.high.auc)));
  script += logarithmic_axes(evaluation.nonmembers);
  script += fmt::format(
      "plot x with lines dt 2 lc rgb '#98a2ad' notitle, "
      "$logarithmic using 1:2 with steps lw 1.8 lc rgb '{}' notitle, "
      "$rates using 1:2:3:4 with yerrorbars pt 7 ps 1.2 lw 1.4 lc rgb '{}' title 'TPR at 1 % and 0.1 % FPR'\n"
      "unset multiplot\n",
      kCurve, kPoints);
  return run_gnuplot(script);
}

std::string draw_rocs(const std::vector<NamedCurve>& curves) {
  if (curves.empty()) throw DataError("expected a curve to draw, got none");
  std::string script, linear_plot, logarithmic_plot;
  for (size_t i = 0; i < curves.size(); ++i) {
    script += block(fmt::format("linear{}", i).c_str(), curves[i].curve, 0, linear);
    script += block(fmt::format("logarithmic{}", i).c_str(), curves[i].curve, kSmallestRate, logarithmic);
    const char* colour = kColours[i % kColours.size()];
    linear_plot += fmt::format(", $linear{} using 1:2 with lines lw 1.4 lc rgb '{}' title {}", i, colour,
                               gnuplot_quote(curves[i].name));
    logarithmic_plot += fmt::format(", $logarithmic{} using 1:2 with steps lw 1.4 lc rgb '{}' notitle", i, colour);
  }
  script += panels(kKeyBelow, /*below=*/130) + linear_axes();
  script += "plot x with lines dt 2 lc rgb '#98a2ad' title 'guessing'" + linear_plot + "\n";
  script += logarithmic_axes(curves.front().nonmembers);
  script += "plot x with lines dt 2 lc rgb '#98a2ad' notitle" + logarithmic_plot + "\nunset multiplot\n";
  return run_gnuplot(script);
}

}  // namespace archleak::sim
