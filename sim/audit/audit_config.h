#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/run_config.h"

namespace archleak::sim {

/// What is audited, and how hard. Section `[audit]` of a run's configuration.
struct AuditOptions {
  int64_t samples = 2000;    ///< examples of the train split that are asked about; each model trains on half of them
  int64_t population = 500;  ///< further examples that no model trains on, for RMIA
  int64_t reference = 0;     ///< further examples, for defences that need some that are not members: students are
                             ///< distilled on them, or inference networks see them as non-members
  bool distil = false;       ///< each model is a student of a teacher that was trained on its training set
  int64_t shadows = 8;       ///< models beside the target; at least 6, even, so that each sample is in half of them
  int64_t epochs = 100;      ///< of the network attack
  int64_t resamples = 2000;  ///< of the bootstrap behind the intervals
  double confidence = 0.95;
};

/// A membership audit: how the target and its shadows are trained, and how they are attacked.
struct AuditConfig {
  RunConfig run;
  AuditOptions audit;
  std::string resolved;  ///< every key, TOML
};

/// Describes `[audit]`. Throws ConfigError.
void describe(ConfigSection section, AuditOptions& options);

/// Reads a run's configuration with the section `[audit]`, and rejects unknown keys. Throws ConfigError.
AuditConfig load_audit_config(const std::filesystem::path& file, const std::vector<std::string>& overrides);

}  // namespace archleak::sim
