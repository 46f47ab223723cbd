#include "nas/strategy.h"

namespace archleak::nas {
namespace {

void describe(ConfigSection section, EnasOptions& options) {
  section.read("controller_lr", options.controller_lr, {.min = 0}, "learning rate of the controller (Adam)");
  section.read("entropy_weight", options.entropy_weight, {.min = 0}, "weight of a sample's entropy in its reward");
  section.read("controller_steps", options.controller_steps, {.min = 1, .max = 1e4},
               "steps of REINFORCE after each round's training");
  section.read("samples", options.samples, {.min = 1, .max = 1e4}, "sub-networks that a client tries for one step");
  section.read("candidates", options.candidates, {.min = 1, .max = 1e4},
               "sub-networks that all clients try in the end, for the best one");
}

void describe(ConfigSection section, SmashOptions& options) {
  section.read("units", options.units, {.min = 1, .max = 1024}, "hidden units of the hypernetwork");
  section.read("random", options.random, {.min = 1, .max = 1e4}, "random sub-networks that all clients try in the end");
  section.read("perturbed", options.perturbed, {.min = 0, .max = 1e4}, "then neighbours of the best of them");
}

}  // namespace

const char* name_of(Strategy strategy) {
  switch (strategy) {
    case Strategy::pdarts:
      return "pdarts";
    case Strategy::enas:
      return "enas";
    case Strategy::smash:
      return "smash";
    case Strategy::darts:
      break;
  }
  return "darts";
}

void describe(ConfigSection section, StrategyOptions& options) {
  std::vector<std::pair<const char*, Strategy>> choices;
  for (const Strategy strategy : {Strategy::darts, Strategy::pdarts, Strategy::enas, Strategy::smash}) {
    choices.emplace_back(name_of(strategy), strategy);
  }
  section.read("strategy", options.kind, choices, "how the architecture is searched");
  describe(section.section("pdarts"), options.pdarts);
  describe(section.section("enas"), options.enas);
  describe(section.section("smash"), options.smash);
}

}  // namespace archleak::nas
