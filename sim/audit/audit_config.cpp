#include "sim/audit/audit_config.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

namespace archleak::sim {

void describe(ConfigSection section, AuditOptions& options) {
  section.read("samples", options.samples, {.min = 20, .max = 1e7},
               "examples that are asked about; each model trains on half of them");
  section.read("population", options.population, {.min = 1, .max = 1e7}, "examples that no model trains on, for RMIA");
  section.read("shadows", options.shadows, {.min = 6, .max = 10000}, "models beside the target, an even number");
  section.read("epochs", options.epochs, {.min = 1, .max = 100000}, "of the attack by a network");
  section.read("resamples", options.resamples, {.min = 0, .max = 1e6}, "of the bootstrap behind the intervals");
  section.read("confidence", options.confidence, {.min = 0.5, .max = 0.999}, "of the intervals");
  if (options.shadows % 2 != 0) {
    section.fail("shadows", fmt::format("expected an even number, so that each sample is in half of them, got {}",
                                        options.shadows));
  }
}

AuditConfig load_audit_config(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  AuditConfig audit;
  Config config = Config::load(file, overrides);
  audit.run.name = file.stem().string();
  describe(config.root(), audit.run);
  describe(config.section("audit"), audit.audit);
  config.reject_unknown();
  audit.resolved = config.resolved();
  return audit;
}

}  // namespace archleak::sim
