#include "sim/audit/audit_config.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

namespace archleak::sim {

void describe(ConfigSection section, AuditOptions& options) {
  section.read("samples", options.samples, {.min = 20, .max = 1e7},
               "examples that are asked about; each model trains on half of them");
  section.read("population", options.population, {.min = 1, .max = 1e7}, "examples that no model trains on, for RMIA");
  section.read("reference", options.reference, {.min = 0, .max = 1e7},
               "further examples: what students are distilled on, or what adversaries see as non-members");
  section.read("distil", options.distil,
               "each model is a student that is distilled on the reference from a teacher trained on its training set");
  section.read("shadows", options.shadows, {.min = 6, .max = 10000}, "models beside the target, an even number");
  section.read("epochs", options.epochs, {.min = 1, .max = 100000}, "of the attack by a network");
  section.read("resamples", options.resamples, {.min = 0, .max = 1e6}, "of the bootstrap behind the intervals");
  section.read("confidence", options.confidence, {.min = 0.5, .max = 0.999}, "of the intervals");
  if (options.shadows % 2 != 0) {
    section.fail("shadows", fmt::format("expected an even number, so that each sample is in half of them, got {}",
                                        options.shadows));
  }
}

namespace {

/// Throws ConfigError where the reference set and the defences that need one do not go together.
void check_reference(Config& config, const AuditConfig& audit) {
  ConfigSection section = config.section("audit");
  const auto& defense = audit.run.defense;
  if (!defense.distillation.teacher.empty()) {
    config.section("defense.distillation")
        .fail("teacher", "expected none in an audit, where each model has a teacher of its own (audit.distil), got \"" +
                             defense.distillation.teacher + "\"");
  }
  if (audit.audit.distil && audit.run.workload != WorkloadKind::train) {
    section.fail("distil", "expected false in an audit of a search, which needs labels, got true");
  }
  if (audit.audit.distil && defense.adversarial.enabled) {
    section.fail("distil", "expected false with defense.adversarial, whose adversary needs labels, got true");
  }
  if (audit.audit.distil && defense.dp_sgd.enabled && defense.distillation.entropy_quantile < 1) {
    config.section("defense.distillation")
        .fail("entropy_quantile", "expected 1 with audit.distil and defense.dp_sgd, got less");
  }
  const bool needed = audit.audit.distil || defense.adversarial.enabled;
  if (needed != (audit.audit.reference > 0)) {
    section.fail("reference", fmt::format("expected {}, got {}",
                                          needed ? "examples with audit.distil and with defense.adversarial"
                                                 : "0 without audit.distil and without defense.adversarial",
                                          audit.audit.reference));
  }
}

}  // namespace

AuditConfig load_audit_config(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  AuditConfig audit;
  Config config = Config::load(file, overrides);
  audit.run.name = file.stem().string();
  describe(config.root(), audit.run);
  describe(config.section("audit"), audit.audit);
  check_reference(config, audit);
  config.reject_unknown();
  audit.resolved = config.resolved();
  return audit;
}

}  // namespace archleak::sim
