#pragma once
#include <string>

#include "sim/run_directory.h"

namespace archleak::sim {

/// The run as one self-contained HTML page: headline figures, curves, genotype, clients, bytes and seconds, what an
/// eavesdropper could see, events, configuration. Works at any point of a run and shows what is there. Where gnuplot is
/// not installed the page says so and keeps its tables. Throws DataError for files that cannot be read.
std::string render_report(const RunDirectory& run);

/// Renders the report and writes it to run.report(), atomically.
void write_report(const RunDirectory& run);

}  // namespace archleak::sim
