#pragma once
#include <string>

#include "sim/run_summary.h"

namespace archleak::sim {

/// What decides how much whoever sits on the wire learns: the threat model beside every figure of an attack.
std::string exposure_section(const RunSummary& run);

/// The rounds as a table, folded.
std::string rounds_section(const RunSummary& run);

/// What happened: joined and lost workers, reassigned clients, refused updates.
std::string events_section(const RunSummary& run);

/// "2025-01-31 09:05:00" of an event's time, as HTML.
std::string readable_time(const std::string& time);

}  // namespace archleak::sim
