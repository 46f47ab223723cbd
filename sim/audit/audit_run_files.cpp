#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "attacks/membership/scores_file.h"
#include "core/csv.h"
#include "core/file.h"
#include "sim/audit/audit_run.h"
#include "sim/audit/roc_chart.h"
#include "sim/audit/scores_audit.h"
#include "sim/html.h"

namespace archleak::sim {
namespace {

using attacks::Metrics;

constexpr size_t kMostCurves = 6;
const std::string kAtBestEpoch = "best_epoch_";  // begins the names of the network's metrics at its best epoch

constexpr const char* kReading =
    "<p>Each model, target and shadows, is trained on half of the samples; an attack says of each sample whether the "
    "target was trained on it. <b>TPR at a low FPR</b> comes first: how many members an attacker finds who is hardly "
    "ever wrong about a non-member.</p>\n"
    "<p><b>Honest</b> figures are at a threshold that was found on shadow models, which the attacker trained. "
    "<b>Oracle</b> figures are at the threshold that is best on the target itself, as published code often reports "
    "them: a bound that no attacker has. So is the network's <b>best epoch</b>, which is chosen on the target.</p>\n"
    "<p><b>Intervals</b> say how far other samples of the same kind would move a figure; they do not cover that "
    "another target might have been trained.</p>\n";

std::string number(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

std::string attacks_table(const AuditResults& results) {
  std::string text = "attack,metric,value,low,high\n";
  for (const auto& [attack, found, slices] : results.attacks) {
    for (const auto& field : attacks::metric_fields()) {
      text += csv_row({attack.name, field.name, number(found.value.*field.value), number(found.low.*field.value),
                       number(found.high.*field.value)}) +
              "\n";
    }
    text += csv_row({attack.name, "threshold", number(attack.threshold), "", ""}) + "\n";
    if (attack.name != kNetworkAttack) continue;
    const auto& [epoch, at_best] = results.best_epoch;
    text += csv_row({attack.name, "best_epoch", std::to_string(epoch), "", ""}) + "\n";
    for (const auto& field : attacks::metric_fields()) {
      text += csv_row({attack.name, kAtBestEpoch + field.name, number(at_best.value.*field.value),
                       number(at_best.low.*field.value), number(at_best.high.*field.value)}) +
              "\n";
    }
  }
  return text;
}

/// A slice without members or without non-members has no metrics.
std::string slices_table(const AuditResults& results) {
  std::string text = "attack,slice,level,members,nonmembers,metric,value,low,high\n";
  for (const auto& [attack, found, slices] : results.attacks) {
    for (const auto& slice : slices) {
      if (!slice.evaluation) continue;
      for (const auto& field : attacks::metric_fields()) {
        text += csv_row({attack.name, slice.by, slice.level, std::to_string(slice.members),
                         std::to_string(slice.nonmembers), field.name, number(slice.evaluation->value.*field.value),
                         number(slice.evaluation->low.*field.value), number(slice.evaluation->high.*field.value)}) +
                "\n";
      }
    }
  }
  return text;
}

std::string summary(const AuditResults& results) {
  nlohmann::ordered_json json{{"name", results.name},
                              {"samples", results.target.samples()},
                              {"shadows", results.shadows},
                              {"member_accuracy", results.member_accuracy},
                              {"nonmember_accuracy", results.nonmember_accuracy}};
  if (results.epsilon) {
    json["epsilon"] = *results.epsilon;
    json["delta"] = results.delta;
  }
  json["attacks"] = nlohmann::ordered_json::array();
  for (const auto& [attack, found, slices] : results.attacks) {
    nlohmann::ordered_json record{{"attack", attack.name}, {"threshold", attack.threshold}};
    const auto put = [&](const std::string& prefix, const attacks::Evaluation& evaluation) {
      for (const auto& field : attacks::metric_fields()) {
        const std::string name = prefix + field.name;
        record[name] = evaluation.value.*field.value;  // NaN is written as null
        record[name + "_low"] = evaluation.low.*field.value;
        record[name + "_high"] = evaluation.high.*field.value;
      }
    };
    put("", found);
    if (attack.name == kNetworkAttack) {
      record["best_epoch"] = results.best_epoch.epoch;
      put(kAtBestEpoch, results.best_epoch.evaluation);
    }
    json["attacks"].push_back(std::move(record));
  }
  return json.dump(2) + "\n";
}

std::string draw_curves(const AuditResults& results) {
  std::vector<NamedCurve> curves;
  for (const auto& [attack, found, slices] : results.attacks) {
    if (curves.size() == kMostCurves) break;
    curves.push_back({.name = attack.title,
                      .curve = attacks::roc(attacks::rank(attack.scores, results.target.member)),
                      .nonmembers = found.nonmembers});
  }
  return draw_rocs(curves);
}

std::string figure(double value, double low, double high) {
  if (std::isnan(value)) return "-";
  if (std::isnan(low)) return fmt::format("{:.3f}", value);
  return fmt::format("<b>{:.3f}</b><br><span class=\"soft\">{:.3f} to {:.3f}</span>", value, low, high);
}

/// The network's balanced accuracy at the epoch that is best on the target, in words.
std::string best_epoch(const AuditResults& results) {
  const auto& [epoch, found] = results.best_epoch;
  std::string interval;
  if (!std::isnan(found.low.balanced_accuracy)) {
    interval = fmt::format(" ({:.3f} to {:.3f})", found.low.balanced_accuracy, found.high.balanced_accuracy);
  }
  return fmt::format(
      "<p class=\"soft\">The network after its best epoch on the target, {}: balanced accuracy {:.3f}{}, "
      "AUC {:.3f}. The figures above are after its last.</p>\n",
      epoch, found.value.balanced_accuracy, interval, found.value.auc);
}

/// The attacks on each part of a search's members; nothing for a train run.
std::string parts_section(const AuditResults& results) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [attack, found, slices] : results.attacks) {
    for (const auto& slice : slices) {
      if (slice.by != "part" || !slice.evaluation) continue;
      const auto shown = [&](double Metrics::*field) {
        return figure(slice.evaluation->value.*field, slice.evaluation->low.*field, slice.evaluation->high.*field);
      };
      rows.push_back({"<div class=\"words\">" + escape_html(attack.title) + "</div>", slice.level,
                      std::to_string(slice.members), shown(&Metrics::tpr_at_1_percent), shown(&Metrics::auc),
                      shown(&Metrics::balanced_accuracy)});
    }
  }
  if (rows.empty()) return "";
  return html_section(
      "By the part of the search",
      html_table({"attack", "part", "members", "TPR at 1 % FPR", "AUC", "balanced, honest"}, rows, true) +
          "<p class=\"soft\">Members that clients fit weights on, and those that they fit the architecture on, each "
          "against all non-members.</p>\n");
}

std::string page(const AuditResults& results, const std::string& chart) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [attack, found, slices] : results.attacks) {
    const auto shown = [&, &found = found](double Metrics::*field) {
      return figure(found.value.*field, found.low.*field, found.high.*field);
    };
    rows.push_back({"<div class=\"words\">" + escape_html(attack.title) + "</div>", shown(&Metrics::tpr_at_1_percent),
                    shown(&Metrics::tpr_at_1_permille), shown(&Metrics::auc), shown(&Metrics::balanced_accuracy),
                    shown(&Metrics::oracle_balanced_accuracy), shown(&Metrics::f1)});
  }
  const auto& best = results.attacks.front();
  std::string cards = html_card(fmt::format("{:.1f} %", 100 * results.member_accuracy), "accuracy on members") +
                      html_card(fmt::format("{:.1f} %", 100 * results.nonmember_accuracy), "accuracy on non-members") +
                      html_card(fmt::format("{:.1f} %", 100 * best.evaluation.value.tpr_at_1_percent),
                                "most members found at 1 % FPR") +
                      html_card(fmt::format("{:.3f}", best.evaluation.value.auc), "AUC of that attack");
  if (results.epsilon) {
    cards += html_card(fmt::format("{:.2f}", *results.epsilon),
                       fmt::format("epsilon of the target's examples, delta {:g}", results.delta));
  }
  return html_page(
      results.name + " - membership audit",
      fmt::format("<header><h1>Membership audit: {}</h1></header>\n<p class=\"soft\">{} samples, half of them members; "
                  "{} shadow models</p>\n",
                  escape_html(results.name), results.target.samples(), results.shadows) +
          "<div class=\"cards\">\n" + cards + "</div>\n" +
          html_section(
              "Members found against false alarms",
              "<figure>" + html_image(chart, "image/png", "ROC curves, axes linear and logarithmic") + "</figure>\n") +
          html_section("Attacks", html_table({"attack", "TPR at 1 % FPR", "at 0.1 %", "AUC", "balanced, honest",
                                              "balanced, oracle", "F1, honest"},
                                             rows, true) +
                                      best_epoch(results)) +
          parts_section(results) + html_section("How to read this", kReading) +
          html_section("Configuration",
                       html_details("config.toml", "<pre>" + escape_html(results.configuration) + "</pre>\n")));
}

}  // namespace

void write_audit_run(const std::filesystem::path& folder, const AuditResults& results) {
  const AuditRunFiles files(folder);
  std::filesystem::create_directories(files.scores);
  for (const auto& audited : results.attacks) {
    attacks::write_scores(files.scores / (audited.attack.name + ".csv"),
                          score_table(audited.attack, results.target, results.parts, results.samples));
  }
  write_file_atomically(files.attacks, attacks_table(results));
  write_file_atomically(files.slices, slices_table(results));
  write_file_atomically(files.summary, summary(results));
  const std::string chart = draw_curves(results);
  write_file_atomically(files.chart, chart);
  write_file_atomically(files.page, page(results, chart));
}

}  // namespace archleak::sim
