#pragma once
#include <memory>
#include <string>

#include "core/progress.h"
#include "server/coordinator.h"
#include "sim/run_directory.h"

namespace archleak::sim {

/// Writes what the coordinator tells into the run directory, and shows the run's progress.
class RunRecorder : public server::RunObserver {
 public:
  RunRecorder(RunDirectory& run, std::string phase) : run_(run), phase_(std::move(phase)) {}

  /// Begins to show progress, from the first round that is left.
  void show_progress(const std::string& label, int64_t rounds, int64_t finished);

  void on_round(const server::RoundRecord& record) override;
  void on_event(const std::string& kind, const nlohmann::ordered_json& fields) override;
  void on_tasks(int64_t complete, int64_t tasks) override;
  void before_checkpoint() override;

 private:
  RunDirectory& run_;
  std::string phase_;
  std::string note_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace archleak::sim
