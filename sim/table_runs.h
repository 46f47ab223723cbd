#pragma once
#include <atomic>

#include "sim/tables/table_plan.h"

namespace archleak::sim {

/// Makes the runs that the plan's cells name and that are not there (`archleak run`), and continues those that are not
/// at their end (`archleak resume`), each in a process of its own. False when `stop` was set meanwhile: they can be
/// continued. Throws Error for a run that fails, ConfigError for one of another configuration than the plan's, unless
/// the command line chose it.
bool make_needed_runs(const TablePlan& plan, const std::atomic<bool>& stop);

}  // namespace archleak::sim
