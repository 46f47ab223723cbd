#include "nas/genotype.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/nearest.h"

namespace archleak::nas {
namespace {

constexpr size_t kMaxNodes = 32;

/// The strongest operation of one edge other than "none", and how strong it is.
struct Strongest {
  int64_t operation;
  double probability;
};

Strongest strongest(const std::vector<double>& row) {
  Strongest best{1, row[1]};  // 0 is "none"
  for (size_t k = 2; k < row.size(); ++k) {
    if (row[k] > best.probability) best = {static_cast<int64_t>(k), row[k]};
  }
  return best;
}

void check_probabilities(const std::vector<std::vector<double>>& probabilities, int64_t steps, const char* cell) {
  if (static_cast<int64_t>(probabilities.size()) != searched_edges(steps)) {
    throw DataError(fmt::format("deriving a genotype: {} cell: expected {} edges for {} steps, got {}", cell,
                                searched_edges(steps), steps, probabilities.size()));
  }
  for (size_t edge = 0; edge < probabilities.size(); ++edge) {
    const auto& row = probabilities[edge];
    if (row.size() != kPrimitives.size() ||
        !std::all_of(row.begin(), row.end(), [](double p) { return std::isfinite(p); })) {
      throw DataError(fmt::format("deriving a genotype: {} cell, edge {}: expected {} finite numbers, got [{}]", cell,
                                  edge, kPrimitives.size(), fmt::join(row, ", ")));
    }
  }
}

std::vector<Genotype::Edge> derive_cell(const std::vector<std::vector<double>>& probabilities, int64_t steps) {
  std::vector<Genotype::Edge> edges;
  int64_t first = 0;
  for (int64_t node = 0; node < steps; ++node) {
    std::vector<Strongest> best;
    for (int64_t from = 0; from < node + 2; ++from) best.push_back(strongest(probabilities[first + from]));
    std::vector<int64_t> order(best.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&best](int64_t a, int64_t b) { return best[a].probability > best[b].probability; });
    for (int64_t kept = 0; kept < 2; ++kept) {
      edges.push_back({kPrimitives[best[order[kept]].operation], order[kept]});
    }
    first += node + 2;
  }
  return edges;
}

std::vector<int64_t> last_nodes(int64_t steps, int64_t count) {
  std::vector<int64_t> states(count);
  std::iota(states.begin(), states.end(), steps + 2 - count);
  return states;
}

void validate_cell(const std::vector<Genotype::Edge>& edges, const std::vector<int64_t>& concat, const char* cell,
                   const std::string& where) {
  const auto fail = [&](const std::string& message) { throw DataError(fmt::format("{}: {}{}", where, cell, message)); };
  if (edges.empty() || edges.size() % 2 != 0 || edges.size() > 2 * kMaxNodes) {
    fail(fmt::format(": expected two edges for each of 1 to {} nodes, got {} edges", kMaxNodes, edges.size()));
  }
  const std::vector<std::string> operations(kPrimitives.begin() + 1, kPrimitives.end());
  for (size_t i = 0; i < edges.size(); ++i) {
    if (std::find(operations.begin(), operations.end(), edges[i].operation) == operations.end()) {
      fail(fmt::format("[{}]: expected one of {}, got '{}'; the nearest is '{}'", i, fmt::join(operations, ", "),
                       edges[i].operation, nearest(edges[i].operation, operations)));
    }
    const auto last = static_cast<int64_t>(i / 2 + 1);
    if (edges[i].from < 0 || edges[i].from > last) {
      fail(fmt::format("[{}]: expected a state from 0 to {}, got {}", i, last, edges[i].from));
    }
  }
  const auto last = static_cast<int64_t>(edges.size() / 2 + 1);
  if (concat.empty()) fail("_concat: expected at least one state, got none");
  for (const int64_t state : concat) {
    if (state < 2 || state > last) fail(fmt::format("_concat: expected states from 2 to {}, got {}", last, state));
  }
  if (std::set(concat.begin(), concat.end()).size() != concat.size()) {
    fail(fmt::format("_concat: expected distinct states, got [{}]", fmt::join(concat, ", ")));
  }
}

std::vector<Genotype::Edge> random_cell(int64_t steps, RandomEngine& engine) {
  std::vector<Genotype::Edge> edges;
  for (int64_t node = 0; node < steps; ++node) {
    const int64_t first = uniform_index(node + 2, engine);
    int64_t second = uniform_index(node + 1, engine);
    if (second >= first) ++second;
    for (const int64_t from : {first, second}) {
      const int64_t operation = 1 + uniform_index(static_cast<int64_t>(kPrimitives.size()) - 1, engine);
      edges.push_back({kPrimitives[operation], from});
    }
  }
  return edges;
}

}  // namespace

Genotype derive(const std::vector<std::vector<double>>& normal_probabilities,
                const std::vector<std::vector<double>>& reduce_probabilities, int64_t steps, int64_t multiplier) {
  if (multiplier < 1 || multiplier > steps || steps > static_cast<int64_t>(kMaxNodes)) {
    throw DataError(fmt::format("deriving a genotype: expected 1 <= multiplier <= steps <= {}, got {} and {}",
                                kMaxNodes, multiplier, steps));
  }
  check_probabilities(normal_probabilities, steps, "normal");
  check_probabilities(reduce_probabilities, steps, "reduction");
  const auto concat = last_nodes(steps, multiplier);
  return {derive_cell(normal_probabilities, steps), concat, derive_cell(reduce_probabilities, steps), concat};
}

void validate(const Genotype& genotype, const std::string& where) {
  validate_cell(genotype.normal, genotype.normal_concat, "normal", where);
  validate_cell(genotype.reduce, genotype.reduce_concat, "reduce", where);
}

Genotype random_genotype(int64_t steps, RandomEngine& engine) {
  if (steps < 1 || steps > static_cast<int64_t>(kMaxNodes)) {
    throw DataError(fmt::format("random genotype: expected 1 to {} steps, got {}", kMaxNodes, steps));
  }
  Genotype genotype;
  genotype.normal = random_cell(steps, engine);
  genotype.reduce = random_cell(steps, engine);
  genotype.normal_concat = genotype.reduce_concat = last_nodes(steps, steps);
  return genotype;
}

}  // namespace archleak::nas
