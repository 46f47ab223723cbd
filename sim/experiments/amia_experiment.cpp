#include "sim/experiments/amia_experiment.h"

#include <ATen/Parallel.h>

#include <limits>

#include "attacks/membership/evaluator.h"
#include "attacks/membership/network_attack.h"
#include "attacks/membership/threshold_attack.h"
#include "sim/experiments/amia_models.h"
#include "sim/experiments/amia_parts.h"
#include "sim/experiments/amia_question.h"

namespace archleak::sim {
namespace {

using attacks::Signals;

Signals signals(const AmiaQuestion& question, const std::optional<std::vector<float>>& logits,
                std::vector<uint8_t> member) {
  if (!logits) throw TrialStopped();
  return {.classes = question.examples.classes,
          .logits = {logits->begin(), logits->end()},
          .labels = {question.examples.labels.begin(), question.examples.labels.end()},
          .member = std::move(member)};
}

/// The samples where `kept` is 1.
Signals select(const Signals& all, const std::vector<uint8_t>& kept) {
  Signals some{.classes = all.classes, .logits = {}, .labels = {}, .member = {}};
  for (int64_t i = 0; i < all.samples(); ++i) {
    if (!kept[i]) continue;
    const auto row = all.row(i);
    some.logits.insert(some.logits.end(), row.begin(), row.end());
    some.labels.push_back(all.labels[i]);
    some.member.push_back(all.member[i]);
  }
  return some;
}

/// The shadow's answers, about those whose membership is like that of the target's members.
Signals shadow_signals(const AmiaSettings& settings, const ModelStore& store, AmiaParts& parts, uint64_t seed,
                       const std::atomic<bool>& stop) {
  const Party party = shadow_party(settings, parts, seed);
  const AmiaQuestion question = ask(party.data, parts.shadow_nonmembers, seed);
  const auto logits = answers(store, party, question.examples, stop);
  if (party.model == AmiaTarget::derived_both) {  // all its examples trained its weights
    std::vector<uint8_t> member(question.examples.size());
    for (size_t i = 0; i < member.size(); ++i) member[i] = question.of_architecture[i] | question.of_weights[i];
    return signals(question, logits, member);
  }
  std::vector<uint8_t> kept;
  for (const uint8_t flag : question.of_weights) kept.push_back(1 - flag);
  return select(signals(question, logits, question.of_architecture), kept);
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

  attacks::Metrics metrics() const { return attacks::evaluate(scores, member, {.threshold = 0, .resamples = 0}).value; }
};

TrialResult run_trial(const TrialRequest& request) {
  at::set_num_threads(1);  // trials run side by side
  AmiaSettings settings;
  describe(request.settings, settings);
  const ModelStore store(settings.store);
  AmiaParts parts = draw_parts(settings, data::load(settings.data, /*seed=*/1).train, request.seed);

  const Party party = target_party(settings, parts, request.seed);
  const AmiaQuestion question = ask(party.data, parts.nonmembers, request.seed);
  const auto logits = answers(store, party, question.examples, request.stop);
  // Who is a member is the evaluation's alone.
  const Signals target = signals(question, logits, std::vector<uint8_t>(question.examples.size()));
  const Signals shadow = shadow_signals(settings, store, parts, request.seed, request.stop);

  const auto scores = attacks::network_attack(shadow, target,
                                              {.hidden = settings.attack.hidden,
                                               .epochs = settings.attack.epochs,
                                               .batch_size = settings.attack.batch_size,
                                               .lr = settings.attack.lr,
                                               .seed = request.seed});
  const Judged judged(scores, question.of_architecture, question.of_weights);
  const auto found = judged.metrics();
  const auto of_weights = Judged(scores, question.of_weights, question.of_architecture).metrics();
  const auto by_threshold = Judged(attacks::threshold_attack(attacks::ThresholdSignal::modified_entropy,
                                                             attacks::ThresholdScope::per_class, shadow, target),
                                   question.of_architecture, question.of_weights)
                                .metrics();

  TrialResult result;
  result.scores = {.scores = {judged.scores.begin(), judged.scores.end()}, .member = judged.member};
  for (const auto& [name, value] : attacks::metric_fields()) result.figures[name] = found.*value;
  result.figures["weights_balanced_accuracy"] = of_weights.balanced_accuracy;
  result.figures["weights_advantage"] = of_weights.advantage;
  result.figures["weights_auc"] = of_weights.auc;
  result.figures["weights_f1"] = of_weights.f1;
  result.figures["threshold_balanced_accuracy"] = by_threshold.balanced_accuracy;
  result.figures["threshold_auc"] = by_threshold.auc;
  result.figures["threshold_tpr_at_fpr_0.01"] = by_threshold.tpr_at_1_percent;
  const double members =
      static_cast<double>(std::count(question.of_architecture.begin(), question.of_architecture.end(), 1));
  result.figures["member_share"] = members / (members + static_cast<double>(settings.parts.nonmembers));

  std::vector<uint8_t> unseen(question.examples.size());
  for (size_t i = 0; i < unseen.size(); ++i) unseen[i] = !question.of_architecture[i] && !question.of_weights[i];
  result.figures["architecture_accuracy"] = share_right(target, question.of_architecture);
  result.figures["weights_accuracy"] = share_right(target, question.of_weights);
  result.figures["test_accuracy"] = share_right(target, unseen);
  std::vector<uint8_t> shadow_unseen;
  for (const uint8_t flag : shadow.member) shadow_unseen.push_back(1 - flag);
  result.figures["shadow_train_accuracy"] = share_right(shadow, shadow.member);
  result.figures["shadow_test_accuracy"] = share_right(shadow, shadow_unseen);
  if (const auto epsilon = party_epsilon(party)) result.figures["epsilon"] = *epsilon;
  return result;
}

std::vector<std::string> figure_names() {
  std::vector<std::string> names{"weights_balanced_accuracy",
                                 "weights_advantage",
                                 "weights_auc",
                                 "weights_f1",
                                 "threshold_balanced_accuracy",
                                 "threshold_auc",
                                 "threshold_tpr_at_fpr_0.01",
                                 "member_share",
                                 "architecture_accuracy",
                                 "weights_accuracy",
                                 "test_accuracy",
                                 "shadow_train_accuracy",
                                 "shadow_test_accuracy",
                                 "epsilon"};
  for (const auto& field : attacks::metric_fields()) names.emplace_back(field.name);
  return names;
}

}  // namespace

Experiment amia_experiment() {
  return {.name = "amia",
          .version = 3,
          .description = "membership inference from a searched architecture, by one shadow (AMIA)",
          .figures = figure_names(),
          .describe =
              [](Config& config) {
                AmiaSettings settings;
                describe(config, settings);
              },
          .run = run_trial};
}

}  // namespace archleak::sim
