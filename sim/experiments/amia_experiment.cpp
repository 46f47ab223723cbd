#include "sim/experiments/amia_experiment.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <map>

#include "attacks/membership/best_epoch.h"
#include "attacks/membership/evaluator.h"
#include "attacks/membership/network_attack.h"
#include "attacks/membership/threshold_attack.h"
#include "sim/experiments/amia_shadows.h"

namespace archleak::sim {
namespace {

using attacks::Metrics;
using attacks::Signals;

/// Metrics that are reported by what their names begin with; "": of the network, against the architecture's part.
const std::map<std::string, std::vector<std::string>>& reported() {
  static const auto groups = [] {
    const std::vector<std::string> by_shadows{"balanced_accuracy", "advantage", "auc", "tpr_at_fpr_0.01"};
    std::map<std::string, std::vector<std::string>> all{{"weights_", {"balanced_accuracy", "advantage", "auc", "f1"}},
                                                        {"paper_", {"balanced_accuracy", "advantage", "auc", "f1"}},
                                                        {"threshold_", {"balanced_accuracy", "auc", "tpr_at_fpr_0.01"}},
                                                        {"lira_", by_shadows},
                                                        {"rmia_", by_shadows},
                                                        {"weights_lira_", by_shadows},
                                                        {"weights_rmia_", by_shadows}};
    for (const auto& field : attacks::metric_fields()) all[""].emplace_back(field.name);
    return all;
  }();
  return groups;
}

void report(TrialResult& result, const std::string& prefix, const Metrics& metrics) {
  const auto& names = reported().at(prefix);
  for (const auto& [name, value] : attacks::metric_fields()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) result.figures[prefix + name] = metrics.*value;
  }
}

double share_right(const Signals& answered, const std::vector<uint8_t>& of) {
  const auto correct = attacks::correct(answered);
  double right = 0, count = 0;
  for (size_t i = 0; i < correct.size(); ++i) {
    right += correct[i] & of[i];
    count += of[i];
  }
  return count > 0 ? right / count : std::numeric_limits<double>::quiet_NaN();
}

/// Samples `of` and those that are neither these nor `others`.
struct Judged {
  std::vector<double> scores;  ///< above 0: taken for a member
  std::vector<uint8_t> member;

  Judged(const std::vector<double>& all, const std::vector<uint8_t>& of, const std::vector<uint8_t>& others) {
    for (size_t i = 0; i < all.size(); ++i) {
      if (others[i]) continue;
      scores.push_back(all[i]);
      member.push_back(of[i]);
    }
  }

  Metrics metrics() const { return attacks::evaluate(scores, member, {.threshold = 0, .resamples = 0}).value; }
};

TrialResult run_trial(const TrialRequest& request) {
  at::set_num_threads(1);  // trials run side by side
  AmiaSettings settings;
  describe(request.settings, settings);
  const ModelStore store(settings.store);
  const AmiaTrial trial{.settings = settings, .store = store, .seed = request.seed, .stop = request.stop};
  AmiaParts parts = draw_parts(settings, data::load(settings.data, /*seed=*/1).train, request.seed);

  const Party party = target_party(settings, parts, request.seed);
  const AmiaQuestion question = ask(party.data, parts.nonmembers, request.seed);
  // Who is a member is the evaluation's alone.
  const Signals target = trial.signals(party, question.examples);
  const FirstShadow first = ask_first_shadow(trial, parts);
  const auto judge = [&](const std::vector<double>& scores) {
    return Judged(scores, question.of_architecture, question.of_weights);
  };
  const auto judge_weights = [&](const std::vector<double>& scores) {
    return Judged(scores, question.of_weights, question.of_architecture);
  };

  attacks::BestEpoch best;
  const auto scores = attacks::network_attack(
      first.signals, target,
      {.hidden = settings.attack.hidden,
       .epochs = settings.attack.epochs,
       .batch_size = settings.attack.batch_size,
       .lr = settings.attack.lr,
       .seed = request.seed},
      [&](int64_t epoch, const std::vector<double>& now) { best.take(epoch, now, judge(now).metrics()); });
  const Judged judged = judge(scores);

  TrialResult result;
  result.scores = {.scores = {judged.scores.begin(), judged.scores.end()}, .member = judged.member};
  report(result, "", judged.metrics());
  report(result, "weights_", judge_weights(scores).metrics());
  report(result, "paper_", judge(best.scores()).metrics());
  result.figures["paper_epoch"] = static_cast<double>(best.epoch());
  const auto by_threshold = attacks::threshold_attack(attacks::ThresholdSignal::modified_entropy,
                                                      attacks::ThresholdScope::per_class, first.signals, target);
  report(result, "threshold_", judge(by_threshold).metrics());
  if (settings.attack.shadows > 1) {
    const TargetAnswers answers{question.examples, target, trial.signals(party, parts.population)};
    for (const auto& [name, found] : attack_by_shadows(trial, parts, first, answers)) {
      report(result, name + "_", judge(found).metrics());
      report(result, "weights_" + name + "_", judge_weights(found).metrics());
    }
  }
  const double members =
      static_cast<double>(std::count(question.of_architecture.begin(), question.of_architecture.end(), 1));
  result.figures["member_share"] = members / (members + static_cast<double>(settings.parts.nonmembers));

  std::vector<uint8_t> unseen(question.examples.size());
  for (size_t i = 0; i < unseen.size(); ++i) unseen[i] = !question.of_architecture[i] && !question.of_weights[i];
  result.figures["architecture_accuracy"] = share_right(target, question.of_architecture);
  result.figures["weights_accuracy"] = share_right(target, question.of_weights);
  result.figures["test_accuracy"] = share_right(target, unseen);
  const auto& shadow = first.signals;
  std::vector<uint8_t> shadow_unseen;
  for (const uint8_t flag : shadow.member) shadow_unseen.push_back(1 - flag);
  result.figures["shadow_train_accuracy"] = share_right(shadow, shadow.member);
  result.figures["shadow_test_accuracy"] = share_right(shadow, shadow_unseen);
  if (const auto epsilon = party_epsilon(party)) result.figures["epsilon"] = *epsilon;
  return result;
}

std::vector<std::string> figure_names() {
  std::vector<std::string> names{"paper_epoch",   "member_share",          "architecture_accuracy", "weights_accuracy",
                                 "test_accuracy", "shadow_train_accuracy", "shadow_test_accuracy",  "epsilon"};
  for (const auto& [prefix, metrics] : reported()) {
    for (const auto& metric : metrics) names.push_back(prefix + metric);
  }
  return names;
}

}  // namespace

Experiment amia_experiment() {
  return {.name = "amia",
          .version = 3,
          .description = "membership inference from a searched architecture (AMIA)",
          .figures = figure_names(),
          .describe =
              [](Config& config) {
                AmiaSettings settings;
                describe(config, settings);
              },
          .run = run_trial};
}

}  // namespace archleak::sim
