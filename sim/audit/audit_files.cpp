#include "sim/audit/audit_files.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "core/file.h"
#include "sim/audit/audit_page.h"
#include "sim/audit/roc_chart.h"

namespace archleak::sim {
namespace {

/// As many digits as it takes to read the same bits; what is undefined is an empty field.
std::string number(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

std::string metrics_table(const ScoresAudit& audit) {
  std::string text = "slice,level,members,nonmembers,metric,value,low,high\n";
  for (const auto& slice : audit.slices) {
    if (!slice.evaluation) continue;
    const auto& found = *slice.evaluation;
    const auto row = [&](const char* metric, double value, const std::string& low, const std::string& high) {
      text += csv_row({slice.by, slice.level, std::to_string(slice.members), std::to_string(slice.nonmembers), metric,
                       number(value), low, high}) +
              "\n";
    };
    for (const auto& field : attacks::metric_fields()) {
      row(field.name, found.value.*field.value, number(found.low.*field.value), number(found.high.*field.value));
    }
    row("threshold", found.threshold, "", "");
  }
  return text;
}

nlohmann::ordered_json record(const attacks::Slice& slice, const ScoresAudit& audit) {
  nlohmann::ordered_json json{
      {"slice", slice.by}, {"level", slice.level}, {"members", slice.members}, {"nonmembers", slice.nonmembers}};
  const attacks::Evaluation found = slice.evaluation.value_or(attacks::Evaluation{});
  const auto put = [&](const std::string& name, double value) {
    // NaN is written as null.
    json[name] = slice.evaluation ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
  };
  for (const auto& field : attacks::metric_fields()) {
    const std::string name = field.name;
    put(name, found.value.*field.value);
    put(name + "_low", found.low.*field.value);
    put(name + "_high", found.high.*field.value);
  }
  put("threshold", found.threshold);
  json["threshold_from"] = audit.options.threshold ? "given" : "oracle";
  json["confidence"] = audit.options.confidence;
  json["resamples"] = audit.options.resamples;
  json["seed"] = audit.options.seed;
  json["scores_sha256"] = audit.sha256;
  return json;
}

std::string summary(const ScoresAudit& audit) {
  auto records = nlohmann::ordered_json::array();
  for (const auto& slice : audit.slices) records.push_back(record(slice, audit));
  // A class whose name is no UTF-8 is no reason to have no summary.
  return records.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string curve_table(const attacks::RocCurve& curve) {
  std::string text = "fpr,tpr,threshold\n";
  for (size_t i = 0; i < curve.fpr.size(); ++i) {
    text += fmt::format("{},{},{}\n", curve.fpr[i], curve.tpr[i], curve.thresholds[i]);
  }
  return text;
}

}  // namespace

void write_audit(const std::filesystem::path& folder, const ScoresAudit& audit) {
  std::filesystem::create_directories(folder);
  const AuditFiles files(folder);
  write_file_atomically(files.metrics, metrics_table(audit));
  write_file_atomically(files.summary, summary(audit));
  write_file_atomically(files.curve, curve_table(audit.curve));
  const std::string chart = draw_roc(audit.curve, audit.whole());
  write_file_atomically(files.chart, chart);
  write_file_atomically(files.page, render_audit(audit, chart));
}

}  // namespace archleak::sim
