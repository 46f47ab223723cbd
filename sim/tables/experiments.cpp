#include "sim/tables/experiments.h"

namespace archleak::sim {

std::vector<Experiment> experiments() {
  return {};
}

}  // namespace archleak::sim
