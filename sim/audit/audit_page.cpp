#include "sim/audit/audit_page.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <map>

#include "sim/html.h"

namespace archleak::sim {
namespace {

constexpr const char* kReading =
    "<p>A larger score means \"more likely a member\"; a sample is called a member if its score is at least the "
    "threshold. Samples with equal scores share every threshold; in the AUC, a tie counts half.</p>\n"
    "<p><b>TPR at a low FPR</b> is the figure to look at first: how many members an attacker finds who is hardly ever "
    "wrong about a non-member. An AUC near 0.5 does not exclude that some are found with certainty.</p>\n"
    "<p><b>Oracle</b> figures take the threshold that is best on these very scores. An attacker does not have it, so "
    "they are bounds; even scores that know nothing come out above 0.5, the more so the fewer there are.</p>\n"
    "<p><b>Intervals</b> say how far other samples of the same kind would move a figure: members and non-members are "
    "drawn again, each among their own, with thresholds held where they are. They do not cover that another model "
    "might have been trained.</p>\n";

std::string decimal(double value, int digits = 4) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

std::string interval(double low, double high, int digits = 4) {
  return std::isnan(low) ? "-" : decimal(low, digits) + " to " + decimal(high, digits);
}

std::string meaning(const std::string& name) {
  static const std::map<std::string, std::string> meanings{
      {"auc", "how often a member scores higher than a non-member"},
      {"tpr_at_fpr_0.01", "members found when at most 1 % of non-members are called members"},
      {"tpr_at_fpr_0.001", "the same at 0.1 %"},
      {"tpr_at_fpr_0", "members that score above every non-member"},
      {"oracle_balanced_accuracy", "largest mean of true-positive and true-negative rate"},
      {"oracle_advantage", "largest TPR - FPR; 0 is guessing, 1 is certainty"},
      {"accuracy", "samples called rightly"},
      {"balanced_accuracy", "mean of true-positive and true-negative rate"},
      {"advantage", "TPR - FPR"},
      {"f1", "harmonic mean of precision and recall"},
      {"precision", "members among those called members"},
      {"recall", "members called members: the TPR"},
      {"fpr", "non-members called members"}};
  const auto found = meanings.find(name);
  return found == meanings.end() ? "" : found->second;
}

std::string cards(const attacks::Evaluation& whole) {
  std::string cards;
  for (const auto field : {&attacks::Metrics::auc, &attacks::Metrics::tpr_at_1_percent,
                           &attacks::Metrics::tpr_at_1_permille, &attacks::Metrics::oracle_advantage}) {
    for (const auto& metric : attacks::metric_fields()) {
      if (metric.value == field) cards += html_card(decimal(whole.value.*field), metric_title(metric.name));
    }
  }
  return "<div class=\"cards\">\n" + cards + "</div>\n";
}

std::string metrics_section(const ScoresAudit& audit) {
  const attacks::Evaluation& whole = audit.whole();
  std::vector<std::vector<std::string>> rows;
  for (const auto& field : shown_metrics(whole)) {
    rows.push_back({metric_title(field.name), decimal(whole.value.*field.value),
                    interval(whole.low.*field.value, whole.high.*field.value),
                    "<div class=\"words soft\">" + meaning(field.name) + "</div>"});
  }
  std::string notes = fmt::format("<p class=\"soft\">Accuracy and what follows it: at {} {:.6g}.</p>\n",
                                  whole.oracle ? "the oracle's threshold," : "the given threshold,", whole.threshold);
  for (const auto& remark : audit.remarks) notes += "<p class=\"note\">" + escape_html(remark) + "</p>\n";
  return html_section(
      "Metrics", html_table({"metric", "value", fmt::format("{:.0f} % interval", 100 * audit.options.confidence), ""},
                            rows, true) +
                     notes);
}

/// A table of the slices by one column; empty if there are none.
std::string slices_section(const ScoresAudit& audit, const std::string& by, const std::string& heading) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& slice : audit.slices) {
    if (slice.by != by) continue;
    const std::string name = by == "correct" ? (slice.level == "1" ? "right" : "wrong") : escape_html(slice.level);
    std::vector<std::string> row{name, std::to_string(slice.members), std::to_string(slice.nonmembers)};
    for (const auto field : {&attacks::Metrics::auc, &attacks::Metrics::tpr_at_1_percent,
                             &attacks::Metrics::tpr_at_1_permille, &attacks::Metrics::oracle_balanced_accuracy}) {
      const auto& found = slice.evaluation;
      row.push_back(found ? decimal(found->value.*field, 3) : "-");
      if (field == &attacks::Metrics::auc || field == &attacks::Metrics::tpr_at_1_percent)
        row.push_back(found ? interval(found->low.*field, found->high.*field, 3) : "-");
    }
    rows.push_back(row);
  }
  if (rows.empty()) return "";
  const std::string levels = by == "label" ? "class" : by == "part" ? "part" : "classified";
  return html_section(heading, html_table({levels, "members", "non-members", "AUC", "interval", "TPR at 1 % FPR",
                                           "interval", "at 0.1 %", "balanced, oracle"},
                                          rows, true));
}

}  // namespace

std::string render_audit(const ScoresAudit& audit, const std::string& chart) {
  const attacks::Evaluation& whole = audit.whole();
  const std::string head = fmt::format(
      "<header><h1>Membership audit</h1></header>\n<p class=\"soft\">{}: {} members and {} non-members</p>\n",
      escape_html(audit.file), whole.members, whole.nonmembers);
  const std::string figure =
      "<figure>" + html_image(chart, "image/png", "ROC curve, axes linear and logarithmic") + "</figure>\n";
  const std::string settings = html_facts(
      {{"Scores", "SHA-256 <code>" + audit.sha256 + "</code>"},
       {"Intervals", audit.options.resamples == 0
                         ? "none"
                         : fmt::format("{:.0f} %, percentiles of {} stratified resamples, seed {}",
                                       100 * audit.options.confidence, audit.options.resamples, audit.options.seed)},
       {"Beside this page",
        "<code>metrics.csv</code>, <code>metrics.json</code>, <code>roc.csv</code>, "
        "<code>roc.png</code>"}});
  return html_page("Membership audit - ArchLeak",
                   head + cards(whole) + html_section("Members found against false alarms", figure) +
                       metrics_section(audit) + slices_section(audit, "label", "By class") +
                       slices_section(audit, "correct", "By whether the target classifies the sample right") +
                       slices_section(audit, "part", "By the part that members are of, against all non-members") +
                       html_section("How to read this", kReading) + html_section("Where it comes from", settings));
}

}  // namespace archleak::sim
