#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <utility>

#include "core/error.h"
#include "core/nearest.h"
#include "nas/genotype.h"

namespace archleak::nas {
namespace {

std::vector<std::pair<std::string, Genotype>> published() {
  const std::vector<int64_t> all = {2, 3, 4, 5};
  return {
      // Liu et al., "DARTS", 2019: first and second order, CIFAR-10.
      {"DARTS_V1",
       {{{"sep_conv_3x3", 1},
         {"sep_conv_3x3", 0},
         {"skip_connect", 0},
         {"sep_conv_3x3", 1},
         {"skip_connect", 0},
         {"sep_conv_3x3", 1},
         {"sep_conv_3x3", 0},
         {"skip_connect", 2}},
        all,
        {{"max_pool_3x3", 0},
         {"max_pool_3x3", 1},
         {"skip_connect", 2},
         {"max_pool_3x3", 0},
         {"max_pool_3x3", 0},
         {"skip_connect", 2},
         {"skip_connect", 2},
         {"avg_pool_3x3", 0}},
        all}},
      {"DARTS_V2",
       {{{"sep_conv_3x3", 0},
         {"sep_conv_3x3", 1},
         {"sep_conv_3x3", 0},
         {"sep_conv_3x3", 1},
         {"sep_conv_3x3", 1},
         {"skip_connect", 0},
         {"skip_connect", 0},
         {"dil_conv_3x3", 2}},
        all,
        {{"max_pool_3x3", 0},
         {"max_pool_3x3", 1},
         {"skip_connect", 2},
         {"max_pool_3x3", 1},
         {"max_pool_3x3", 0},
         {"skip_connect", 2},
         {"skip_connect", 2},
         {"max_pool_3x3", 1}},
        all}},
      // Chen et al., "Progressive Differentiable Architecture Search", 2019.
      {"PDARTS",
       {{{"skip_connect", 0},
         {"dil_conv_3x3", 1},
         {"skip_connect", 0},
         {"sep_conv_3x3", 1},
         {"sep_conv_3x3", 1},
         {"sep_conv_3x3", 3},
         {"sep_conv_3x3", 0},
         {"dil_conv_5x5", 4}},
        all,
        {{"avg_pool_3x3", 0},
         {"sep_conv_5x5", 1},
         {"sep_conv_3x3", 0},
         {"dil_conv_5x5", 2},
         {"max_pool_3x3", 0},
         {"dil_conv_3x3", 1},
         {"dil_conv_3x3", 1},
         {"dil_conv_5x5", 3}},
        all}},
      // He et al., "FedNAS", 2020.
      {"FedNAS_V1",
       {{{"sep_conv_3x3", 1},
         {"sep_conv_3x3", 0},
         {"sep_conv_3x3", 2},
         {"sep_conv_5x5", 0},
         {"sep_conv_3x3", 1},
         {"sep_conv_5x5", 3},
         {"dil_conv_5x5", 3},
         {"sep_conv_3x3", 4}},
        all,
        {{"max_pool_3x3", 0},
         {"skip_connect", 1},
         {"max_pool_3x3", 0},
         {"max_pool_3x3", 2},
         {"max_pool_3x3", 0},
         {"dil_conv_5x5", 1},
         {"max_pool_3x3", 0},
         {"dil_conv_5x5", 2}},
        all}},
  };
}

}  // namespace

Genotype named_genotype(const std::string& name) {
  for (auto& [known, genotype] : published()) {
    if (known == name) return genotype;
  }
  throw ConfigError(fmt::format("genotype: expected one of {}, got '{}'; the nearest is '{}'",
                                fmt::join(genotype_names(), ", "), name, nearest(name, genotype_names())));
}

std::vector<std::string> genotype_names() {
  std::vector<std::string> names;
  for (const auto& [name, genotype] : published()) names.push_back(name);
  return names;
}

}  // namespace archleak::nas
