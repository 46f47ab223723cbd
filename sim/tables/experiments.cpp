#include "sim/tables/experiments.h"

#include "sim/tables/reconstruction_experiment.h"

namespace archleak::sim {

std::vector<Experiment> experiments() {
  return {reconstruction_experiment()};
}

}  // namespace archleak::sim
