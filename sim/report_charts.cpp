#include "sim/report_charts.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "sim/charts.h"
#include "sim/html.h"

namespace archleak::sim {
namespace {

/// One value for each round; absent ones become gaps.
template <typename Value>
Series series(const std::string& name, const std::vector<RoundMetrics>& rounds, Value&& value) {
  Series result{name, {}};
  for (const RoundMetrics& round : rounds) {
    const std::optional<double> one = value(round);
    result.values.push_back(one.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  return result;
}

std::vector<double> round_numbers(const std::vector<RoundMetrics>& rounds) {
  return series("", rounds, [](const RoundMetrics& round) { return static_cast<double>(round.round); }).values;
}

}  // namespace

template <typename Chart>
std::string ReportCharts::figure(const Chart& chart) {
  if (!complaint_.empty()) return "";
  try {
    std::string svg = draw(chart);
    svg.erase(0, svg.find("<svg"));
    return "<figure><figcaption>" + escape_html(chart.title) + "</figcaption>\n" + svg + "</figure>\n";
  } catch (const DataError&) {
    return "";
  } catch (const Error& error) {
    complaint_ = error.what();
    return "";
  }
}

std::string ReportCharts::accuracy() {
  const auto percent = [](const RoundMetrics& round) {
    return round.test_accuracy ? std::optional(100 * *round.test_accuracy) : std::nullopt;
  };
  return figure(LineChart{.title = "Accuracy on the test examples",
                          .x_label = "round",
                          .y_label = "accuracy (%)",
                          .x = round_numbers(summary_.rounds),
                          .series = {series("test", summary_.rounds, percent)}});
}

std::string ReportCharts::loss() {
  const auto test = [](const RoundMetrics& round) { return round.test_loss; };
  const auto train = [](const RoundMetrics& round) { return round.train_loss; };
  return figure(LineChart{.title = "Cross entropy",
                          .x_label = "round",
                          .y_label = "loss (nats)",
                          .x = round_numbers(summary_.rounds),
                          .series = {series("test", summary_.rounds, test), series("train", summary_.rounds, train)}});
}

std::string ReportCharts::alpha_entropy() {
  const auto entropy = [](const RoundMetrics& round) { return round.alpha_entropy; };
  return figure(LineChart{.title = "Entropy of the architecture: how undecided the edges are",
                          .x_label = "round",
                          .y_label = "mean entropy of an edge (nats)",
                          .x = round_numbers(summary_.rounds),
                          .series = {series("alpha", summary_.rounds, entropy)}});
}

std::string ReportCharts::bytes() {
  double largest = 0;
  for (const RoundMetrics& round : summary_.rounds) {
    largest = std::max({largest, static_cast<double>(round.bytes_up), static_cast<double>(round.bytes_down)});
  }
  const auto [unit, divisor] = largest >= 1e9   ? std::pair("GB", 1e9)
                               : largest >= 1e6 ? std::pair("MB", 1e6)
                               : largest >= 1e3 ? std::pair("kB", 1e3)
                                                : std::pair("B", 1.0);
  const auto up = [scale = divisor](const RoundMetrics& round) { return static_cast<double>(round.bytes_up) / scale; };
  const auto down = [scale = divisor](const RoundMetrics& round) {
    return static_cast<double>(round.bytes_down) / scale;
  };
  return figure(LineChart{.title = "Bytes on the wire",
                          .x_label = "round",
                          .y_label = std::string(unit) + " a round",
                          .x = round_numbers(summary_.rounds),
                          .series = {series("up, to the coordinator", summary_.rounds, up),
                                     series("down, to workers", summary_.rounds, down)},
                          .from_zero = true});
}

std::string ReportCharts::seconds() {
  const auto& rounds = summary_.rounds;
  return figure(
      StackedChart{.title = "Time by phase",
                   .x_label = "round",
                   .y_label = "seconds",
                   .x = round_numbers(rounds),
                   .layers = {series("train", rounds, [](const RoundMetrics& r) { return r.train_s; }),
                              series("broadcast", rounds, [](const RoundMetrics& r) { return r.broadcast_s; }),
                              series("aggregate", rounds, [](const RoundMetrics& r) { return r.aggregate_s; }),
                              series("evaluate", rounds, [](const RoundMetrics& r) { return r.evaluate_s; })}});
}

std::string ReportCharts::clients(const ClientClasses& clients) {
  return figure(ClassChart{"Examples of each class at each client", clients.class_names, clients.counts});
}

}  // namespace archleak::sim
