#include "sim/tables/experiment.h"

#include <spdlog/fmt/fmt.h>

#include "core/nearest.h"

namespace archleak::sim {

const Experiment& find_experiment(const std::vector<Experiment>& experiments, const std::string& name,
                                  const std::string& where) {
  std::vector<std::string> names;
  for (const Experiment& experiment : experiments) {
    if (experiment.name == name) return experiment;
    names.push_back(experiment.name);
  }
  const std::string hint = names.empty() ? "there is none" : "the nearest is '" + nearest(name, names) + "'";
  throw ConfigError(fmt::format("{}: expected an experiment of this program, got '{}'; {}", where, name, hint));
}

}  // namespace archleak::sim
