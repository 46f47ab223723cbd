#include "nas/progressive.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace archleak::nas {
namespace {

constexpr double kDropoutDecay = 0.2;  // a round, in the exponent
constexpr const char* kSkipName = "skip_connect";

int64_t index_of_skip() {
  return std::find(kPrimitives.begin(), kPrimitives.end(), std::string(kSkipName)) - kPrimitives.begin();
}

}  // namespace

void describe(ConfigSection section, ProgressiveOptions& options) {
  section.read("layers", options.layers, {.min = 2, .max = 100}, "cells of the network, by stage");
  section.read("operations", options.operations, {.min = 2, .max = kPrimitives.size()},
               "operations that an edge keeps, by stage");
  section.read("skip_dropout", options.skip_dropout, {.min = 0, .max = 0.99},
               "rate of dropout on skip-connects at the first round, by stage");
  section.read("max_skips", options.max_skips, {.min = 0}, "skip-connects in the normal cell that comes out");
  const size_t stages = options.layers.size();
  if (stages == 0) section.fail("layers", "expected at least one stage, got none");
  if (options.operations.size() != stages || options.skip_dropout.size() != stages) {
    section.fail("layers", fmt::format("expected as many stages in layers, operations and skip_dropout, got {}, {}, {}",
                                       stages, options.operations.size(), options.skip_dropout.size()));
  }
  if (!std::is_sorted(options.layers.begin(), options.layers.end())) {
    section.fail("layers", "expected no stage with fewer cells than the one before, got one");
  }
  if (!std::is_sorted(options.operations.rbegin(), options.operations.rend())) {
    section.fail("operations", "expected no stage with more operations than the one before, got one");
  }
}

int64_t first_round_of(int64_t stage, int64_t rounds, int64_t stages) {
  return stage * rounds / stages;
}

int64_t stage_of(int64_t round, int64_t rounds, int64_t stages) {
  int64_t stage = stages - 1;
  while (stage > 0 && first_round_of(stage, rounds, stages) > round) --stage;
  return stage;
}

bool alpha_moves(int64_t round, int64_t first_round, int64_t weights_only) {
  return round - first_round >= weights_only;
}

double skip_dropout_at(const Stage& stage, int64_t round, int64_t weights_only) {
  const auto past = static_cast<double>(round - stage.first_round);
  const auto total = static_cast<double>(stage.rounds);
  if (!alpha_moves(round, stage.first_round, weights_only)) {
    return stage.space.skip_dropout * (total - past - 1) / total;
  }
  return stage.space.skip_dropout * std::exp(-kDropoutDecay * (past - static_cast<double>(weights_only)));
}

std::vector<OperationSet> keep_strongest(const std::vector<std::vector<double>>& probabilities,
                                         const std::vector<OperationSet>& kept, int64_t count) {
  if (probabilities.size() != kept.size()) {
    throw DataError(fmt::format("operations to keep: expected {} rows of probabilities, got {}", kept.size(),
                                probabilities.size()));
  }
  std::vector<OperationSet> strongest;
  for (size_t row = 0; row < kept.size(); ++row) {
    const auto& p = probabilities[row];
    if (p.size() != kPrimitives.size()) {
      throw DataError(fmt::format("operations to keep: row {}: expected {} probabilities, got {}", row,
                                  kPrimitives.size(), p.size()));
    }
    std::vector<int64_t> order(p.size());
    std::iota(order.begin(), order.end(), 0);
    std::erase_if(order, [&](int64_t operation) { return !has_operation(kept[row], operation); });
    std::stable_sort(order.begin(), order.end(), [&p](int64_t a, int64_t b) { return p[a] > p[b]; });
    OperationSet& set = strongest.emplace_back(OperationSet{0});
    for (int64_t i = 0; i < std::min<int64_t>(count, std::ssize(order)); ++i) set |= OperationSet(1 << order[i]);
  }
  return strongest;
}

Genotype derive_with_few_skips(std::vector<std::vector<double>> normal_probabilities,
                               const std::vector<std::vector<double>>& reduce_probabilities, int64_t steps,
                               int64_t multiplier, int64_t max_skips) {
  while (true) {
    Genotype genotype = derive(normal_probabilities, reduce_probabilities, steps, multiplier);
    std::vector<double*> skips;
    for (size_t i = 0; i < genotype.normal.size(); ++i) {
      if (genotype.normal[i].operation != kSkipName) continue;
      const int64_t edge = searched_edges(static_cast<int64_t>(i / 2)) + genotype.normal[i].from;
      skips.push_back(&normal_probabilities[edge][index_of_skip()]);
    }
    if (std::ssize(skips) <= max_skips) return genotype;
    **std::min_element(skips.begin(), skips.end(), [](const double* a, const double* b) { return *a < *b; }) = -1;
  }
}

}  // namespace archleak::nas
