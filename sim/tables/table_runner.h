#pragma once
#include <atomic>
#include <cstdint>
#include <cstdio>

#include "core/results_store.h"
#include "sim/tables/experiment.h"
#include "sim/tables/table_plan.h"

namespace archleak::sim {

struct RunnerOptions {
  int jobs = 1;  ///< trials side by side, each in its thread
  std::FILE* progress = stderr;
};

/// What became of the trials of a plan.
struct RunnerOutcome {
  int64_t earlier = 0;  ///< were in the file already
  int64_t done = 0;
  int64_t failed = 0;  ///< ended by an exception; kept with its message
  int64_t left = 0;    ///< not run, since `stop` was set
};

/// How many trials of `plan` run_table would run.
int64_t trials_left(const TablePlan& plan, const ResultsStore& store);

/// Runs the trials of `plan` that `store` does not have, or has as failed, and puts each as soon as it is done. First
/// trial 0 of every cell, then trial 1, so that an interrupted table is about even; several jobs begin at a trial each
/// (sim/tables/trial_queue.h). When `stop` is set no trial begins and those that run are waited for. Rows are the same
/// for any number of jobs.
///
/// A trial that throws, or returns what its experiment does not declare, is put as failed. Throws what the store
/// throws, after the trials that run have ended.
RunnerOutcome run_table(const TablePlan& plan, const Experiment& experiment, ResultsStore& store,
                        const RunnerOptions& options, const std::atomic<bool>& stop);

}  // namespace archleak::sim
