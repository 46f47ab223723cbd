#include "sim/audit/scores_audit.h"

#include <spdlog/fmt/fmt.h>

#include <map>

#include "attacks/membership/scores_file.h"
#include "core/file.h"
#include "core/hash.h"

namespace archleak::sim {
namespace {

constexpr size_t kFewScores = 20;

std::vector<std::string> remarks_on(const ScoresAudit& audit, const std::vector<std::string>& ignored) {
  const attacks::Evaluation& whole = audit.whole();
  std::vector<std::string> remarks;
  if (!ignored.empty()) remarks.push_back(fmt::format("Columns that mean nothing here: {}.", fmt::join(ignored, ", ")));
  if (whole.high.auc < 0.5) {
    remarks.push_back(
        "These scores rank non-members above members. A larger score has to mean \"more likely a member\": if they are "
        "losses or distances, negate them.");
  }
  const size_t distinct = audit.curve.thresholds.size() - 1;
  if (distinct < kFewScores) {
    remarks.push_back(fmt::format(
        "There are {} different scores among {} samples. Ties share every threshold, so low false-positive rates are "
        "out of reach: scores say more than verdicts.",
        distinct, whole.members + whole.nonmembers));
  }
  if (whole.nonmembers < 1000) {
    remarks.push_back(fmt::format("{} non-members cannot show a false-positive rate of {}: the figure is the one at 0.",
                                  whole.nonmembers, whole.nonmembers < 100 ? "1 % or 0.1 %" : "0.1 %"));
  }
  if (whole.member_share() != 0.5) {
    remarks.push_back(
        fmt::format("{:.1f} % of the samples are members: accuracy, precision and F1 depend on that share, the other "
                    "metrics do not.",
                    100 * whole.member_share()));
  }
  return remarks;
}

}  // namespace

ScoresAudit audit_scores(const std::filesystem::path& file, const attacks::EvaluationOptions& options) {
  const attacks::ScoresFile scores = attacks::read_scores(file);
  ScoresAudit audit{.file = file.string(),
                    .sha256 = to_hex(sha256_file(file)),
                    .options = options,
                    .curve = attacks::roc(attacks::rank(scores.table.scores, scores.table.member)),
                    .slices = attacks::evaluate_slices(scores.table, options)};
  audit.remarks = remarks_on(audit, scores.ignored);
  return audit;
}

std::string metric_title(const std::string& name) {
  static const std::map<std::string, std::string> titles{{"auc", "AUC"},
                                                         {"tpr_at_fpr_0.01", "TPR at 1 % FPR"},
                                                         {"tpr_at_fpr_0.001", "TPR at 0.1 % FPR"},
                                                         {"tpr_at_fpr_0", "TPR at 0 % FPR"},
                                                         {"oracle_balanced_accuracy", "balanced accuracy, oracle"},
                                                         {"oracle_advantage", "advantage, oracle"},
                                                         {"balanced_accuracy", "balanced accuracy"},
                                                         {"f1", "F1"},
                                                         {"fpr", "FPR"}};
  const auto found = titles.find(name);
  return found == titles.end() ? name : found->second;
}

std::vector<attacks::MetricField> shown_metrics(const attacks::Evaluation& evaluation) {
  std::vector<attacks::MetricField> shown;
  for (const attacks::MetricField& field : attacks::metric_fields()) {
    const std::string name = field.name;
    if (evaluation.oracle && (name == "balanced_accuracy" || name == "advantage")) continue;
    shown.push_back(field);
  }
  return shown;
}

}  // namespace archleak::sim
