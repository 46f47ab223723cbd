#pragma once
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/audit/audit_attacks.h"
#include "sim/audit/audit_config.h"

namespace archleak::sim {

/// The network attack after the epoch that is best on the target (attacks/membership/best_epoch.h).
struct BestEpochOfNetwork {
  int64_t epoch = 0;  ///< 1, 2, ...
  attacks::Evaluation evaluation;
};

/// What an audit found.
struct AuditResults {
  std::string name;                    ///< of the configuration
  std::vector<AuditedAttack> attacks;  ///< by TPR at 1 % FPR, the largest first
  BestEpochOfNetwork best_epoch = {};
  attacks::Signals target;         ///< what the target answered about the samples, with the truth
  std::vector<std::string> parts;  ///< of its members, as in ModelSignals
  std::vector<int64_t> samples;    ///< their places in the train split
  int64_t shadows = 0;
  double member_accuracy = 0;     ///< of the target on the samples that it was trained on
  double nonmember_accuracy = 0;  ///< and on the others
  std::optional<double> epsilon;  ///< what DP-SGD promises for each of the target's examples, at `delta`; or nothing
  double delta = 0;
  std::string configuration;  ///< TOML
};

/// Trains target and shadows, attacks and evaluates. Nothing when stopped before the end. `data` decides the samples.
std::optional<AuditResults> run_audit(const AuditConfig& config, const ModelMaking& making,
                                      const std::atomic<bool>& stop);

/// The files in the folder of an audit that was run.
struct AuditRunFiles {
  explicit AuditRunFiles(const std::filesystem::path& folder)
      : config(folder / "config.toml"),
        attacks(folder / "attacks.csv"),
        slices(folder / "slices.csv"),
        summary(folder / "audit.json"),
        scores(folder / "scores"),
        chart(folder / "roc.png"),
        page(folder / "audit.html") {}
  std::filesystem::path config, attacks, slices, summary, scores, chart, page;
};

/// Writes attacks.csv (a row for each attack and metric), slices.csv (the same by class, by correctness and by part),
/// audit.json, scores/ATTACK.csv (what `archleak audit scores` reads), roc.png and audit.html. The same results give
/// the same bytes.
void write_audit_run(const std::filesystem::path& folder, const AuditResults& results);

}  // namespace archleak::sim
