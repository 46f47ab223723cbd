#include "nas/dag_options.h"

namespace archleak::nas {

void describe(ConfigSection section, DagOptions& options) {
  section.read("cells", options.cells, {2, 1024}, "number of cells P, the stem included");
  section.read("channels", options.channels, {1, 64}, "channels of every cell");
  section.read("alpha", options.alpha,
               {{"raw", AlphaMapping::raw}, {"softmax", AlphaMapping::softmax}, {"sigmoid", AlphaMapping::sigmoid}},
               "how architecture parameters become weights of the mixture");
  section.read("activation", options.activation,
               {{"elu", Activation::elu},
                {"tanh", Activation::tanh},
                {"sigmoid", Activation::sigmoid},
                {"relu", Activation::relu}},
               "of every cell's input");
  section.read("head", options.head, {{"flatten", DagHead::flatten}, {"average_pool", DagHead::average_pool}},
               "how the last cell's features reach the classifier");
  section.read("max_pool", options.max_pool, "whether max_pool_3x3 is among the operations");
}

}  // namespace archleak::nas
