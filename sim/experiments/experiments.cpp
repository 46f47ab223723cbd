#include "sim/experiments/experiments.h"

#include "sim/experiments/amia_experiment.h"
#include "sim/experiments/reconstruction_experiment.h"

namespace archleak::sim {

std::vector<Experiment> experiments() {
  return {amia_experiment(), reconstruction_experiment()};
}

}  // namespace archleak::sim
