#include "sim/audit/audit_run_command.h"

#include <spdlog/fmt/fmt.h>

#include <memory>
#include <thread>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "sim/audit/audit_run.h"
#include "sim/stop_signal.h"

namespace archleak::sim {
namespace {

struct RunArguments {
  std::string config;
  std::string out;
  std::string cache;
  std::vector<std::string> overrides;
  int jobs = 0;
};

/// A folder belongs to one audit: its configuration stands there from the beginning.
void claim(const AuditRunFiles& files, const std::string& resolved) {
  std::filesystem::create_directories(files.config.parent_path());
  if (!std::filesystem::exists(files.config)) {
    if (!std::filesystem::is_empty(files.config.parent_path())) {
      throw ConfigError(fmt::format("{}: expected an empty folder or an audit to continue, got one with other files",
                                    files.config.parent_path().string()));
    }
    write_file_atomically(files.config, resolved);
  } else if (read_file(files.config) != resolved) {
    throw ConfigError(
        fmt::format("{}: expected the configuration of this audit, got another; name another folder with "
                    "--out",
                    files.config.string()));
  }
}

std::string interval(double value, double low, double high) {
  return std::isnan(low) ? fmt::format("{:.3f}", value) : fmt::format("{:.3f} [{:.3f}, {:.3f}]", value, low, high);
}

void print(const AuditResults& results, const AuditRunFiles& files) {
  using attacks::Metrics;
  fmt::print("target     {:.1f} % right on members, {:.1f} % on non-members\n\n", 100 * results.member_accuracy,
             100 * results.nonmember_accuracy);
  if (results.epsilon) {
    fmt::print("privacy    epsilon {:.2f} at delta {:g} for each example of the target\n\n", *results.epsilon,
               results.delta);
  }
  constexpr const char* kRow = "{:<28}{:<24}{:<24}{:<12}{}\n";
  fmt::print(kRow, "attack", "TPR at 1 % FPR", "AUC", "balanced", "oracle");
  for (const auto& [attack, found, slices] : results.attacks) {
    fmt::print(kRow, attack.title,
               interval(found.value.tpr_at_1_percent, found.low.tpr_at_1_percent, found.high.tpr_at_1_percent),
               interval(found.value.auc, found.low.auc, found.high.auc),
               fmt::format("{:.3f}", found.value.balanced_accuracy),
               fmt::format("{:.3f}", found.value.oracle_balanced_accuracy));
  }
  fmt::print("\nbalanced   accuracy at a threshold found on shadow models; oracle: at the best one on the target\n");
  fmt::print("best epoch {:.3f} balanced for the network after epoch {}, the best one on the target\n",
             results.best_epoch.evaluation.value.balanced_accuracy, results.best_epoch.epoch);
  fmt::print("table      {}\nslices     {}\nsummary    {}\nscores     {}\nchart      {}\npage       {}\n",
             files.attacks.string(), files.slices.string(), files.summary.string(), files.scores.string(),
             files.chart.string(), files.page.string());
}

int run(const RunArguments& arguments) {
  start_logging("audit", "warn");
  const AuditConfig config = load_audit_config(arguments.config, arguments.overrides);
  const std::filesystem::path out =
      arguments.out.empty() ? std::filesystem::path("audits") / config.run.name : std::filesystem::path(arguments.out);
  const AuditRunFiles files(out);
  claim(files, config.resolved);
  const ModelMaking making{.cache = arguments.cache.empty() ? out / "models" : std::filesystem::path(arguments.cache),
                           .jobs = arguments.jobs > 0
                                       ? arguments.jobs
                                       : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))};
  const auto results = run_audit(config, making, install_stop_signals());
  if (!results) {
    fmt::print(stderr, "Interrupted. Models stay in {}; the same command continues.\n", making.cache.string());
    return static_cast<int>(ExitCode::interrupted);
  }
  write_audit_run(out, *results);
  print(*results, files);
  return static_cast<int>(ExitCode::success);
}

}  // namespace

void add_audit_run_command(CLI::App& audit, int& exit_code) {
  const auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = audit.add_subcommand("run", "Train a target and shadow models, and attack the target");
  command->add_option("CONFIG", arguments->config, "a run's configuration, with a section [audit]")->required();
  command->add_option("--out", arguments->out, "folder for results; default: audits/NAME");
  command->add_option("--cache", arguments->cache, "folder with models, shared by audits; default: models in --out");
  command->add_option("--jobs", arguments->jobs, "models trained side by side; default: as many as there are cores")
      ->check(CLI::Range(1, 1024));
  command->add_option("--set", arguments->overrides, "override one key (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace archleak::sim
