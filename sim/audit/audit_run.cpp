#include "sim/audit/audit_run.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "attacks/membership/best_epoch.h"
#include "data/load.h"

namespace archleak::sim {

std::optional<AuditResults> run_audit(const AuditConfig& config, const ModelMaking& making,
                                      const std::atomic<bool>& stop) {
  at::set_num_threads(1);  // sums of an attack's network are the same on any machine
  const auto train = data::load(config.run.data, config.run.seed).train;
  const auto split = make_audit_split(train.size(), config.audit, config.run.seed);
  auto models = make_models(config, train, split, making, stop);
  if (!models) return std::nullopt;

  AuditResults results{.name = config.run.name,
                       .attacks = {},
                       .target = models->front().samples,
                       .parts = models->front().parts,
                       .samples = split.samples,
                       .shadows = config.audit.shadows,
                       .epsilon = models->front().epsilon,
                       .delta = config.run.defense.dp_sgd.delta,
                       .configuration = config.resolved};
  attacks::BestEpoch best;
  attacks::EvaluationOptions at{.threshold = 0, .resamples = 0, .confidence = config.audit.confidence};
  auto scores = run_attacks(*models, config.audit, config.run.seed, [&](int64_t epoch, const std::vector<double>& now) {
    best.take(epoch, now, attacks::evaluate(now, results.target.member, at).value);
  });
  results.attacks = evaluate_attacks(std::move(scores), results.target, results.parts, config.audit, config.run.seed);
  at.resamples = config.audit.resamples;
  at.seed = config.run.seed;
  results.best_epoch = {best.epoch(), attacks::evaluate(best.scores(), results.target.member, at, "best epoch")};
  std::stable_sort(results.attacks.begin(), results.attacks.end(), [](const auto& left, const auto& right) {
    return left.evaluation.value.tpr_at_1_percent > right.evaluation.value.tpr_at_1_percent;
  });
  const auto correct = attacks::correct(results.target);
  double right[2] = {}, count[2] = {};
  for (size_t i = 0; i < correct.size(); ++i) {
    right[results.target.member[i]] += correct[i];
    ++count[results.target.member[i]];
  }
  results.nonmember_accuracy = right[0] / count[0];
  results.member_accuracy = right[1] / count[1];
  return results;
}

}  // namespace archleak::sim
