#include "sim/tables/score_chart.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "sim/chart_frame.h"

namespace archleak::sim {
namespace {

constexpr int kBars = 24, kHeight = 210;
constexpr double kTail = 0.01;

/// Shares of samples in each bar, in percent.
struct Histogram {
  double low = 0, step = 1;
  std::array<std::array<double, kBars>, 2> share{};  // [non-members, members]
};

Histogram count(const SampleScores& samples) {
  std::vector<float> sorted = samples.scores;
  std::ranges::sort(sorted);
  const auto tail = static_cast<size_t>(kTail * static_cast<double>(sorted.size()));
  Histogram histogram{.low = sorted[tail]};
  const double high = sorted[sorted.size() - 1 - tail];
  if (high > histogram.low) histogram.step = (high - histogram.low) / kBars;
  std::array<double, 2> all{};
  for (const uint8_t member : samples.member) ++all[member];
  if (all[0] == 0 || all[1] == 0) {
    throw DataError(fmt::format("scores: expected members and non-members, got {} and {}", all[1], all[0]));
  }
  for (size_t i = 0; i < samples.scores.size(); ++i) {
    const double bar = (samples.scores[i] - histogram.low) / histogram.step;
    const size_t member = samples.member[i];
    histogram.share[member][static_cast<size_t>(std::clamp(bar, 0.0, kBars - 1.0))] += 100 / all[member];
  }
  return histogram;
}

}  // namespace

std::string draw_scores(const SampleScores& scores, const std::string& title) {
  const Histogram histogram = count(scores);
  std::string data = "$shares << END\n";
  for (int bar = 0; bar < kBars; ++bar) {
    data += fmt::format("{} {} {}\n", histogram.low + (bar + 0.5) * histogram.step, histogram.share[0][bar],
                        histogram.share[1][bar]);
  }
  const double margin = histogram.step / 2;
  return run_drawing(
      data + "END\n" + chart_frame(kChartWidth, kHeight, "score", "share (%)") +
          fmt::format("set boxwidth {}\nset style fill transparent solid 0.5 noborder\nset yrange [0:*]\n"
                      "set xrange [{}:{}]\nset arrow from 0, graph 0 to 0, graph 1 nohead dt 2 lc rgb '#4a5560'\n"
                      "plot $shares using 1:2 with boxes lc rgb '{}' title 'non-members', "
                      "$shares using 1:3 with boxes lc rgb '{}' title 'members'\n",
                      histogram.step, std::min(histogram.low, 0.0) - margin,
                      std::max(histogram.low + kBars * histogram.step, 0.0) + margin, kChartColours[0],
                      kChartColours[1]),
      title);
}

}  // namespace archleak::sim
