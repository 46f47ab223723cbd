#pragma once
#include <optional>
#include <string>

#include "sim/run_summary.h"

namespace archleak::sim {

/// Draws the report's charts. Once gnuplot has failed, no further chart is tried and `complaint` says why.
class ReportCharts {
 public:
  explicit ReportCharts(const RunSummary& summary) : summary_(summary) {}

  /// Figures in HTML; "" for what was not measured and for what cannot be drawn.
  std::string accuracy();
  std::string loss();
  std::string alpha_entropy();
  std::string bytes();
  std::string seconds();
  std::string clients(const ClientClasses& clients);

  const std::string& complaint() const { return complaint_; }

 private:
  template <typename Chart>
  std::string figure(const Chart& chart);

  const RunSummary& summary_;
  std::string complaint_;
};

}  // namespace archleak::sim
