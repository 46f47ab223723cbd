#include "sim/audit/audit_attacks.h"

#include <functional>

#include "attacks/membership/lira.h"
#include "attacks/membership/rmia.h"
#include "attacks/membership/threshold_attack.h"

namespace archleak::sim {
namespace {

using attacks::LiraOptions;
using attacks::RmiaOptions;
using attacks::ShadowTable;

/// phi of `models` about samples or population; without `in` flags nobody is a member.
ShadowTable shadow_table(const std::vector<const ModelSignals*>& models, attacks::Signals ModelSignals::*about) {
  ShadowTable table;
  for (const ModelSignals* model : models) attacks::add_shadow(table, model->*about);
  return table;
}

/// An attack by several shadows on one model.
using ShadowAttack =
    std::function<std::vector<double>(const ModelSignals& attacked, const std::vector<const ModelSignals*>& shadows)>;

/// With the same variance in the rehearsal, which has a shadow less: scores with the other are of another size.
ShadowAttack lira_attack(LiraOptions::Mode mode, int64_t shadows_in_all) {
  return [mode, variance = attacks::lira_variance(shadows_in_all)](const ModelSignals& attacked,
                                                                   const std::vector<const ModelSignals*>& shadows) {
    return attacks::lira(shadow_table(shadows, &ModelSignals::samples), attacks::scaled_confidence(attacked.samples),
                         {.mode = mode, .variance = variance});
  };
}

ShadowAttack rmia_attack(RmiaOptions::Mode mode) {
  return [mode](const ModelSignals& attacked, const std::vector<const ModelSignals*>& shadows) {
    const auto samples = shadow_table(shadows, &ModelSignals::samples);
    const auto population = shadow_table(shadows, &ModelSignals::population);
    RmiaOptions options{.mode = mode};
    if (mode == RmiaOptions::Mode::offline) options.a = attacks::fit_rmia_a(samples, population, options);
    return attacks::rmia(samples, attacks::scaled_confidence(attacked.samples), population,
                         attacks::scaled_confidence(attacked.population), options);
  };
}

/// The attack on the target, with the threshold that is best when the first shadow is attacked by the others.
AttackScores by_shadows(const std::string& name, const std::string& title, const ShadowAttack& attack,
                        const std::vector<ModelSignals>& models) {
  std::vector<const ModelSignals*> shadows, others;
  for (size_t i = 1; i < models.size(); ++i) shadows.push_back(&models[i]);
  others.assign(shadows.begin() + 1, shadows.end());
  const auto rehearsal = attack(models[1], others);
  return {.name = name,
          .title = title,
          .scores = attack(models[0], shadows),
          .threshold = attacks::best_threshold(attacks::rank(rehearsal, models[1].samples.member))};
}

}  // namespace

std::vector<AttackScores> run_attacks(const std::vector<ModelSignals>& models, const AuditOptions& options,
                                      uint64_t seed, const attacks::AfterEpoch& after_epoch) {
  const auto& shadow = models.at(1).samples;
  // What attacks see of the target: its answers alone.
  std::vector<ModelSignals> seen = models;
  std::fill(seen[0].samples.member.begin(), seen[0].samples.member.end(), 0);

  using attacks::ThresholdScope, attacks::ThresholdSignal;
  std::vector<AttackScores> all;
  for (const auto& [signal, name, title] :
       {std::tuple(ThresholdSignal::correctness, "correctness", "correctness"),
        std::tuple(ThresholdSignal::confidence, "confidence", "confidence"),
        std::tuple(ThresholdSignal::loss, "loss", "loss"), std::tuple(ThresholdSignal::entropy, "entropy", "entropy"),
        std::tuple(ThresholdSignal::modified_entropy, "modified_entropy", "modified entropy")}) {
    for (const auto scope : {ThresholdScope::global, ThresholdScope::per_class}) {
      const bool global = scope == ThresholdScope::global;
      all.push_back({.name = std::string(name) + (global ? "" : "_per_class"),
                     .title = std::string(title) + (global ? "" : ", by class"),
                     .scores = attacks::threshold_attack(signal, scope, shadow, seen[0].samples),
                     .threshold = 0});
    }
  }
  all.push_back({.name = kNetworkAttack,
                 .title = "network on a shadow",
                 .scores = attacks::network_attack(shadow, seen[0].samples, {.epochs = options.epochs, .seed = seed},
                                                   after_epoch),
                 .threshold = 0});
  const auto shadows = static_cast<int64_t>(models.size()) - 1;
  all.push_back(by_shadows("lira_offline", "LiRA, offline", lira_attack(LiraOptions::Mode::offline, shadows), seen));
  all.push_back(by_shadows("lira_online", "LiRA, online", lira_attack(LiraOptions::Mode::online, shadows), seen));
  all.push_back(by_shadows("rmia_offline", "RMIA, offline", rmia_attack(RmiaOptions::Mode::offline), seen));
  all.push_back(by_shadows("rmia_online", "RMIA, online", rmia_attack(RmiaOptions::Mode::online), seen));
  return all;
}

std::vector<AuditedAttack> evaluate_attacks(std::vector<AttackScores> scores, const attacks::Signals& target,
                                            const std::vector<std::string>& parts, const AuditOptions& options,
                                            uint64_t seed) {
  std::vector<AuditedAttack> all;
  for (auto& attack : scores) {
    const attacks::EvaluationOptions at{
        .threshold = attack.threshold, .resamples = options.resamples, .confidence = options.confidence, .seed = seed};
    auto table = score_table(attack, target, parts);
    if (target.classes > attacks::kMostSlicedClasses) table.labels.clear();
    auto slices = attacks::evaluate_slices(table, at, attack.name);
    const attacks::Evaluation evaluation = *slices.front().evaluation;
    slices.erase(slices.begin());  // the whole table
    all.push_back({std::move(attack), evaluation, std::move(slices)});
  }
  return all;
}

attacks::ScoreTable score_table(const AttackScores& attack, const attacks::Signals& target,
                                const std::vector<std::string>& parts, const std::vector<int64_t>& ids) {
  attacks::ScoreTable table{.scores = attack.scores,
                            .member = target.member,
                            .labels = {},
                            .correct = attacks::correct(target),
                            .parts = parts,
                            .ids = {}};
  for (const int64_t label : target.labels) table.labels.push_back(std::to_string(label));
  for (const int64_t id : ids) table.ids.push_back(std::to_string(id));
  return table;
}

}  // namespace archleak::sim
