#include "data/partition.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "core/error.h"
#include "core/random.h"

namespace archleak::data {
namespace {

using Indices = std::vector<int64_t>;

/// Cuts `total` into whole parts in proportion to `weights`, by rounding the cumulative sums.
std::vector<int64_t> apportion(int64_t total, const std::vector<double>& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<int64_t> parts(weights.size());
  double before = 0;
  int64_t given = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    before += weights[i];
    const auto until = i + 1 == weights.size() ? total : std::llround(before / sum * static_cast<double>(total));
    parts[i] = until - given;
    given = until;
  }
  return parts;
}

/// Deals consecutive runs of `order` to the clients.
void deal(const Indices& order, const std::vector<int64_t>& parts, Partition& partition) {
  auto next = order.begin();
  for (size_t client = 0; client < parts.size(); ++client) {
    partition[client].insert(partition[client].end(), next, next + parts[client]);
    next += parts[client];
  }
}

/// Proportions from a symmetric Dirichlet distribution; for a tiny alpha all draws may underflow, then one takes all.
std::vector<double> dirichlet(int64_t clients, double alpha, RandomEngine& engine) {
  std::gamma_distribution<double> gamma(alpha, 1);
  std::vector<double> weights(static_cast<size_t>(clients));
  for (double& weight : weights) weight = gamma(engine);
  if (std::accumulate(weights.begin(), weights.end(), 0.0) <= 0) weights[uniform_index(clients, engine)] = 1;
  return weights;
}

std::vector<Indices> shuffled_by_class(std::span<const int32_t> labels, int64_t classes, RandomEngine& engine) {
  std::vector<Indices> by_class(static_cast<size_t>(classes));
  for (const int64_t index : random_permutation(static_cast<int64_t>(labels.size()), engine)) {
    by_class[labels[index]].push_back(index);
  }
  return by_class;
}

/// Moves random examples from the largest client to each that falls short.
void ensure_minimum(int64_t minimum, RandomEngine& engine, Partition& partition) {
  const auto smaller = [](const Indices& a, const Indices& b) { return a.size() < b.size(); };
  for (Indices& client : partition) {
    while (static_cast<int64_t>(client.size()) < minimum) {
      Indices& largest = *std::max_element(partition.begin(), partition.end(), smaller);
      std::swap(largest[uniform_index(static_cast<int64_t>(largest.size()), engine)], largest.back());
      client.push_back(largest.back());
      largest.pop_back();
    }
  }
}

Partition deal_dirichlet(std::span<const int32_t> labels, int64_t classes, int64_t clients, double alpha,
                         RandomEngine& engine) {
  Partition partition(static_cast<size_t>(clients));
  for (const Indices& members : shuffled_by_class(labels, classes, engine)) {
    deal(members, apportion(static_cast<int64_t>(members.size()), dirichlet(clients, alpha, engine)), partition);
  }
  return partition;
}

Partition deal_shards(std::span<const int32_t> labels, int64_t classes, int64_t clients, int64_t shards_per_client,
                      RandomEngine& engine) {
  Indices sorted;
  for (const Indices& members : shuffled_by_class(labels, classes, engine)) {
    sorted.insert(sorted.end(), members.begin(), members.end());
  }
  const int64_t shards = clients * shards_per_client;
  Partition pieces(static_cast<size_t>(shards));
  deal(sorted, apportion(static_cast<int64_t>(sorted.size()), std::vector<double>(pieces.size(), 1)), pieces);
  Partition partition(static_cast<size_t>(clients));
  const auto order = random_permutation(shards, engine);
  for (int64_t i = 0; i < shards; ++i) {
    const Indices& piece = pieces[order[i]];
    Indices& client = partition[i / shards_per_client];
    client.insert(client.end(), piece.begin(), piece.end());
  }
  return partition;
}

Partition deal_shuffled(int64_t examples, const std::vector<double>& weights, RandomEngine& engine) {
  Partition partition(weights.size());
  deal(random_permutation(examples, engine), apportion(examples, weights), partition);
  return partition;
}

std::vector<double> quantity_weights(int64_t clients, double skew, RandomEngine& engine) {
  std::vector<double> weights;
  for (const int64_t rank : random_permutation(clients, engine)) {
    weights.push_back(std::pow(static_cast<double>(rank + 1), -skew));
  }
  return weights;
}

}  // namespace

void describe(ConfigSection section, PartitionOptions& options) {
  using Scheme = PartitionOptions::Scheme;
  section.read("scheme", options.scheme,
               {{"iid", Scheme::iid},
                {"dirichlet", Scheme::dirichlet},
                {"shards", Scheme::shards},
                {"quantity", Scheme::quantity},
                {"file", Scheme::file}},
               "how examples are dealt to clients");
  section.read("alpha", options.alpha, {.min = 1e-3, .max = 1e6}, "dirichlet: concentration; smaller is more skewed");
  section.read("min_examples", options.min_examples, {.min = 1, .max = 1e9},
               "dirichlet, quantity: examples that every client gets at least");
  section.read("shards_per_client", options.shards_per_client, {.min = 1, .max = 1e6}, "shards: label shards a client");
  section.read("skew", options.skew, {.min = 0, .max = 10}, "quantity: exponent of the client sizes; 0 is equal sizes");
  section.read("file", options.file, "file: JSON index file");
  if (options.scheme == Scheme::file && options.file.empty()) {
    section.fail("file", "expected an index file for the scheme 'file', got none");
  }
}

Partition make_partition(std::span<const int32_t> labels, int64_t classes, int64_t clients,
                         const PartitionOptions& options, uint64_t seed) {
  using Scheme = PartitionOptions::Scheme;
  const auto examples = static_cast<int64_t>(labels.size());
  if (clients < 1) throw DataError(fmt::format("partition: expected at least 1 client, got {}", clients));
  for (int64_t i = 0; i < examples; ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw DataError(
          fmt::format("partition: example {}: expected a label from 0 to {}, got {}", i, classes - 1, labels[i]));
    }
  }
  if (options.scheme == Scheme::file) return read_partition(options.file, examples, clients);

  const bool skewed = options.scheme == Scheme::dirichlet || options.scheme == Scheme::quantity;
  const int64_t each = skewed                             ? std::max(options.min_examples, int64_t{1})
                       : options.scheme == Scheme::shards ? options.shards_per_client
                                                          : 1;
  if (each > examples / clients) {
    throw DataError(fmt::format("partition: expected at least {} examples for each of {} clients, got {} examples",
                                each, clients, examples));
  }
  RandomEngine engine = make_engine({.seed = seed, .purpose = "partition"});
  Partition partition;
  if (options.scheme == Scheme::dirichlet) {
    partition = deal_dirichlet(labels, classes, clients, options.alpha, engine);
  } else if (options.scheme == Scheme::shards) {
    partition = deal_shards(labels, classes, clients, options.shards_per_client, engine);
  } else if (options.scheme == Scheme::quantity) {
    partition = deal_shuffled(examples, quantity_weights(clients, options.skew, engine), engine);
  } else {
    partition = deal_shuffled(examples, std::vector<double>(static_cast<size_t>(clients), 1), engine);
  }
  if (skewed) ensure_minimum(each, engine, partition);
  for (Indices& client : partition) std::sort(client.begin(), client.end());
  return partition;
}

std::vector<std::vector<int64_t>> class_histogram(const Partition& partition, std::span<const int32_t> labels,
                                                  int64_t classes) {
  std::vector<std::vector<int64_t>> counts(partition.size(), std::vector<int64_t>(static_cast<size_t>(classes)));
  for (size_t client = 0; client < partition.size(); ++client) {
    for (const int64_t index : partition[client]) ++counts[client][labels[index]];
  }
  return counts;
}

}  // namespace archleak::data
