#pragma once
#include <filesystem>

#include "sim/audit/scores_audit.h"

namespace archleak::sim {

/// The files in an audit's folder.
struct AuditFiles {
  explicit AuditFiles(const std::filesystem::path& folder)
      : metrics(folder / "metrics.csv"),
        summary(folder / "metrics.json"),
        curve(folder / "roc.csv"),
        chart(folder / "roc.png"),
        page(folder / "audit.html") {}
  std::filesystem::path metrics, summary, curve, chart, page;
};

/// Writes metrics.csv (a row for each slice and metric), metrics.json (an object for each slice), roc.csv (a row for
/// each point), roc.png and audit.html. Makes the folder; replaces what is there. The same audit gives the same bytes.
/// Throws Error when gnuplot is not there to draw the chart; the tables are on the disk by then.
void write_audit(const std::filesystem::path& folder, const ScoresAudit& audit);

}  // namespace archleak::sim
