#include "sim/tables/table_runner.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

#include "core/nearest.h"
#include "core/progress.h"
#include "sim/tables/artefacts.h"
#include "sim/tables/sample_scores.h"
#include "sim/tables/trial_queue.h"

namespace archleak::sim {
namespace {

struct Trial {
  ResultKey key;
  int64_t number = 0;
};

/// The figures and artefacts of a trial as a row.
ResultRow to_row(const Trial& trial, const Experiment& experiment, const TrialResult& result) {
  ResultRow row{.key = trial.key, .figures = result.figures};
  for (const auto& [name, value] : result.figures) {
    if (std::find(experiment.figures.begin(), experiment.figures.end(), name) == experiment.figures.end()) {
      throw DataError(fmt::format("expected a figure that '{}' declares, got '{}'; the nearest is '{}'",
                                  experiment.name, name, nearest(name, experiment.figures)));
    }
  }
  for (const Artefact& artefact : result.artefacts) row.artefacts[artefact.name] = encode_artefact(artefact);
  if (result.scores) row.artefacts[kScores] = encode_scores(*result.scores);
  return row;
}

/// Runs one trial; an exception becomes a failed row, TrialStopped nothing.
std::optional<ResultRow> run_trial(const Trial& trial, const Experiment& experiment, const std::atomic<bool>& stop) {
  const auto start = std::chrono::steady_clock::now();
  ResultRow row{.key = trial.key};
  try {
    Config settings = Config::parse(trial.key.settings, "settings");
    row = to_row(trial, experiment,
                 experiment.run({.settings = settings, .seed = trial.key.seed, .trial = trial.number, .stop = stop}));
  } catch (const TrialStopped&) {
    return std::nullopt;
  } catch (const std::exception& error) {
    row.failure = error.what()[0] != '\0' ? error.what() : "an error without a message";
  } catch (...) {
    row.failure = "an error of unknown kind";
  }
  row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return row;
}

/// The trials that are yet to be run; cells with equal settings share theirs.
std::vector<Trial> list_trials(const TablePlan& plan, const ResultsStore& store, RunnerOutcome& outcome) {
  std::set<std::string> seen;
  for (const ResultRow& row : store.rows()) {
    if (row.failure.empty()) seen.insert(row.key.hash());
  }
  std::vector<Trial> trials;
  std::set<std::string> counted;
  for (int64_t trial = 0; trial < plan.trials; ++trial) {
    for (size_t cell = 0; cell < plan.cells.size(); ++cell) {
      Trial next{plan.key(cell, trial), trial};
      const std::string hash = next.key.hash();
      if (!counted.insert(hash).second) continue;
      if (seen.contains(hash)) {
        ++outcome.earlier;
      } else {
        trials.push_back(std::move(next));
      }
    }
  }
  return trials;
}

}  // namespace

int64_t trials_left(const TablePlan& plan, const ResultsStore& store) {
  RunnerOutcome outcome;
  return std::ssize(list_trials(plan, store, outcome));
}

RunnerOutcome run_table(const TablePlan& plan, const Experiment& experiment, ResultsStore& store,
                        const RunnerOptions& options, const std::atomic<bool>& stop) {
  RunnerOutcome outcome;
  const std::vector<Trial> trials = list_trials(plan, store, outcome);
  const auto total = static_cast<int64_t>(trials.size());
  if (total == 0) return outcome;
  Progress progress(plan.spec.id, "trials", outcome.earlier + total, outcome.earlier, options.progress);
  std::vector<uint64_t> seeds;
  for (const Trial& trial : trials) seeds.push_back(trial.key.seed);
  TrialQueue queue(std::move(seeds));
  std::mutex mutex;  // over all that follows, and the store
  std::exception_ptr error;
  const auto work = [&] {
    while (!stop) {
      const auto index = queue.take();
      if (!index) return;
      const auto row = run_trial(trials[*index], experiment, stop);
      queue.end(*index);
      const std::lock_guard lock(mutex);
      if (error || !row) return;
      try {
        store.put(*row);
      } catch (...) {
        error = std::current_exception();
        queue.close();
        return;
      }
      ++(row->failure.empty() ? outcome.done : outcome.failed);
      progress.advance(1, outcome.failed > 0 ? fmt::format("{} failed", outcome.failed) : "");
    }
  };
  std::vector<std::thread> threads;
  const auto jobs = std::clamp<int64_t>(options.jobs, 1, total);
  for (int64_t i = 0; i < jobs; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  progress.finish();
  if (error) std::rethrow_exception(error);
  outcome.left = total - outcome.done - outcome.failed;
  return outcome;
}

}  // namespace archleak::sim
