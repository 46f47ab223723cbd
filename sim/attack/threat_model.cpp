#include "sim/attack/threat_model.h"

#include <spdlog/fmt/fmt.h>

namespace archleak::sim {
namespace {

std::string describe_optimizer(const RunConfig& run, Segment observed) {
  if (run.protocol.protocol == Protocol::gradient) return "one gradient";
  if (observed == Segment::weights) {
    return fmt::format("SGD with learning rate {}, momentum {}", run.training.lr, run.training.momentum);
  }
  const bool adam = run.search.alpha_optimizer == client::AlphaOptimizer::adam;
  return fmt::format("{} with learning rate {}", adam ? "Adam" : "SGD", run.search.alpha_lr);
}

std::string describe_defences(const RunConfig& run) {
  std::vector<std::string> parts;
  for (const auto transform : run.defense.transforms) parts.emplace_back(defenses::name_of(transform));
  if (run.defense.dp_sgd.enabled) parts.emplace_back("DP-SGD");
  if (run.defense.input_noise > 0) parts.push_back(fmt::format("input noise, {}", run.defense.input_noise));
  if (run.search.alpha_l2 > 0) parts.push_back(fmt::format("L2 on alpha, {}", run.search.alpha_l2));
  return parts.empty() ? "none" : fmt::format("{}; settings known", fmt::join(parts, ", "));
}

std::string describe_local_steps(const RunConfig& run) {
  if (run.protocol.protocol == Protocol::gradient) return "1";
  const std::string passes = fmt::format("{} {}", run.training.epochs, run.training.epochs == 1 ? "epoch" : "epochs");
  return run.training.max_steps > 0 ? fmt::format("{}, at most {} steps", passes, run.training.max_steps) : passes;
}

std::string describe_classifier(const AttackRequest& request) {
  if (request.classifier.empty()) return "none: similarity alone decides what is recognised";
  return request.classifier + "; independent only if it has not been trained on the clients' images";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> threat_model(const RunConfig& run, const AttackRequest& request) {
  const bool graph = run.space_kind == SpaceKind::graph;
  const bool alpha = request.observed == Segment::alpha;
  return {
      {"Protocol", name_of(run.protocol.protocol)},
      {"What is read", alpha ? "the gradient of alpha, on examples for validation"
                             : "the gradient of the weights, on examples for training"},
      {"Step", describe_optimizer(run, request.observed)},
      {"Local steps", describe_local_steps(run)},
      {"Batch norm", name_of(run.protocol.batch_norm)},
      {"Space", graph ? fmt::format("graph of {} cells, {} channels", run.graph.cells, run.graph.channels) : "DARTS"},
      {"Batch size", fmt::format("{}", run.training.batch_size)},
      {"Defences", describe_defences(run)},
      {"Transport", run.protocol.secure_aggregation ? "in the clear, updates masked" : "in the clear"},
      {"Weights", request.weights == WeightKnowledge::broadcast      ? "known: the broadcast went by"
                  : request.weights == WeightKnowledge::initial_seed ? "of the initial seed, which went by"
                                                                     : "unknown"},
      {"Labels", request.labels_known ? "known" : "unknown"},
      {"Public images", "the test split, disjoint from the clients' images"},
      {"Solver", request.options.solver},
      {"Classifier", describe_classifier(request)}};
}

}  // namespace archleak::sim
