#include "sim/audit/audit_command.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <memory>

#include "core/printable.h"
#include "sim/audit/audit_files.h"
#include "sim/audit/audit_run_command.h"
#include "sim/audit/scores_audit.h"

namespace archleak::sim {
namespace {

constexpr int kMostClasses = 20;  // on the terminal; metrics.csv has them all

struct AuditArguments {
  std::string file;
  std::string out = "audit";
  attacks::EvaluationOptions options;
};

std::string value_and_interval(double value, double low, double high) {
  if (std::isnan(value)) return fmt::format("{:>8}", "-");
  if (std::isnan(low)) return fmt::format("{:8.4f}", value);
  return fmt::format("{:8.4f}  {:6.4f} to {:6.4f}", value, low, high);
}

void print_metrics(const ScoresAudit& audit) {
  const attacks::Evaluation& whole = audit.whole();
  fmt::print("{:<28}{:>8}  {}\n", "", "value",
             audit.options.resamples > 0 ? fmt::format("{:.0f} % interval", 100 * audit.options.confidence) : "");
  for (const auto& field : shown_metrics(whole)) {
    if (field.value == &attacks::Metrics::accuracy) {
      fmt::print("at {} {:.6g}:\n", whole.oracle ? "the oracle's threshold" : "the threshold", whole.threshold);
    }
    fmt::print("{:<28}{}\n", metric_title(field.name),
               value_and_interval(whole.value.*field.value, whole.low.*field.value, whole.high.*field.value));
  }
}

void print_slices(const ScoresAudit& audit) {
  if (audit.slices.size() == 1) return;
  constexpr const char* kRow = "{:<24}{:>9}{:>12}  {:<26}  {}\n";
  fmt::print("\n");
  fmt::print(kRow, "slice", "members", "non-members", "     AUC", "     TPR at 1 % FPR");
  int classes = 0;
  for (const auto& slice : audit.slices) {
    if (slice.by == "all" || (slice.by == "label" && ++classes > kMostClasses)) continue;
    const auto shown = [&](double attacks::Metrics::*field) {
      const auto& found = slice.evaluation;
      return found ? value_and_interval(found->value.*field, found->low.*field, found->high.*field)
                   : fmt::format("{:>8}", "-");
    };
    fmt::print(kRow, printable(fmt::format("{} {}", slice.by, slice.level)).substr(0, 23), slice.members,
               slice.nonmembers, shown(&attacks::Metrics::auc), shown(&attacks::Metrics::tpr_at_1_percent));
  }
  if (classes > kMostClasses) fmt::print("and {} further classes\n", classes - kMostClasses);
}

void run_scores(const AuditArguments& arguments) {
  const ScoresAudit audit = audit_scores(arguments.file, arguments.options);
  fmt::print("{}: {} members and {} non-members\n\n", arguments.file, audit.whole().members, audit.whole().nonmembers);
  print_metrics(audit);
  print_slices(audit);
  fmt::print("\n");
  for (const auto& remark : audit.remarks) fmt::print("note       {}\n", remark);
  write_audit(arguments.out, audit);
  const AuditFiles files(arguments.out);
  fmt::print("table      {}\nsummary    {}\ncurve      {}\nchart      {}\npage       {}\n", files.metrics.string(),
             files.summary.string(), files.curve.string(), files.chart.string(), files.page.string());
}

}  // namespace

void add_audit_command(CLI::App& app, int& exit_code) {
  CLI::App* audit = app.add_subcommand("audit", "Measure what a model gives away about who was in its training set");
  audit->require_subcommand(1);
  add_audit_run_command(*audit, exit_code);
  const auto arguments = std::make_shared<AuditArguments>();
  CLI::App* scores = audit->add_subcommand("scores", "Metrics of membership scores that you bring");
  scores
      ->add_option(
          "FILE", arguments->file,
          "CSV with a header: score (larger: more likely a member), member (0 or 1); label, correct, part and id "
          "may be there")
      ->required();
  scores->add_option("--out", arguments->out, "folder for results; default: audit");
  scores->add_option("--threshold", arguments->options.threshold,
                     "a score of at least this says \"member\"; without: the best one on these scores, an oracle's");
  scores->add_option("--bootstrap", arguments->options.resamples, "resamples behind the intervals; 0: no intervals")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  scores->add_option("--confidence", arguments->options.confidence, "of the intervals")
      ->check(CLI::Range(0.5, 0.999))
      ->capture_default_str();
  scores->add_option("--seed", arguments->options.seed, "seed of the resamples")->capture_default_str();
  scores->callback([arguments] { run_scores(*arguments); });
}

}  // namespace archleak::sim
