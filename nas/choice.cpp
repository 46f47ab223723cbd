#include "nas/choice.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak::nas {
namespace {

int64_t index_of(const std::string& operation) {
  return std::find(kPrimitives.begin(), kPrimitives.end(), operation) - kPrimitives.begin();
}

/// The first edge into `node`.
int64_t first_edge(int64_t node) {
  return searched_edges(node);
}

void take(const std::vector<Genotype::Edge>& edges, int64_t steps, int64_t* choice) {
  if (std::ssize(edges) != 2 * steps) {
    throw DataError(fmt::format("choice: expected a genotype of {} nodes, got {}", steps, edges.size() / 2));
  }
  for (size_t i = 0; i < edges.size(); ++i) {
    int64_t& operation = choice[first_edge(static_cast<int64_t>(i / 2)) + edges[i].from];
    if (operation != 0) {
      throw DataError(
          fmt::format("choice: expected a node's two edges to come from two states, got {} twice for node "
                      "{}",
                      edges[i].from, i / 2));
    }
    operation = index_of(edges[i].operation);
  }
}

std::vector<Genotype::Edge> taken(const int64_t* choice, int64_t steps) {
  std::vector<Genotype::Edge> edges;
  for (int64_t node = 0; node < steps; ++node) {
    for (int64_t from = 0; from < node + 2; ++from) {
      const int64_t operation = choice[first_edge(node) + from];
      if (operation != 0) edges.push_back({kPrimitives.at(static_cast<size_t>(operation)), from});
    }
    if (std::ssize(edges) != 2 * (node + 1)) {
      throw DataError(fmt::format("genotype: expected two edges into each node, got {} into node {}",
                                  std::ssize(edges) - 2 * node, node));
    }
  }
  return edges;
}

}  // namespace

Choice choice_of(const Genotype& genotype, int64_t steps) {
  validate(genotype, "choice");
  Choice choice(2 * searched_edges(steps), 0);
  take(genotype.normal, steps, choice.data());
  take(genotype.reduce, steps, choice.data() + searched_edges(steps));
  return choice;
}

Genotype genotype_of(const Choice& choice, int64_t steps, int64_t multiplier) {
  if (std::ssize(choice) != 2 * searched_edges(steps)) {
    throw DataError(
        fmt::format("genotype: expected a choice for {} edges, got {}", 2 * searched_edges(steps), choice.size()));
  }
  Genotype genotype;
  genotype.normal = taken(choice.data(), steps);
  genotype.reduce = taken(choice.data() + searched_edges(steps), steps);
  genotype.normal_concat.resize(multiplier);
  std::iota(genotype.normal_concat.begin(), genotype.normal_concat.end(), steps + 2 - multiplier);
  genotype.reduce_concat = genotype.normal_concat;
  return genotype;
}

std::string encode_choice(const Choice& choice) {
  return {choice.begin(), choice.end()};
}

Choice decode_choice(std::string_view text) {
  Choice choice;
  for (const char byte : text) choice.push_back(static_cast<unsigned char>(byte));
  return choice;
}

std::string encode_choices(const std::vector<Choice>& choices) {
  ByteWriter writer;
  writer.u64(choices.empty() ? 0 : choices.front().size());
  for (const Choice& choice : choices) writer.raw(encode_choice(choice));
  return writer.take();
}

std::vector<Choice> decode_choices(std::string_view bytes) {
  if (bytes.size() < sizeof(uint64_t)) {
    throw DataError(fmt::format("choices: expected at least {} bytes, got {}", sizeof(uint64_t), bytes.size()));
  }
  ByteReader reader(bytes, "choices");
  const uint64_t edges = reader.u64();
  if (edges == 0 || reader.left() == 0 || reader.left() % edges != 0) {
    throw DataError(fmt::format("choices: expected a multiple of {} bytes, got {}", edges, reader.left()));
  }
  std::vector<Choice> choices;
  while (reader.left() > 0) choices.push_back(decode_choice(reader.raw(edges)));
  return choices;
}

Choice perturbed(const Choice& choice, int64_t steps, RandomEngine& engine) {
  genotype_of(choice, steps, 1);
  const auto operations = static_cast<int64_t>(kPrimitives.size()) - 1;
  std::vector<size_t> taken;
  for (size_t edge = 0; edge < choice.size(); ++edge) {
    if (choice[edge] != 0) taken.push_back(edge);
  }
  const auto place = uniform_index(std::ssize(taken), engine);
  const size_t edge = taken[static_cast<size_t>(place)];
  const int64_t node = place / 2 % steps;
  const bool reduction = place >= 2 * steps;
  Choice changed = choice;
  if (node == 0 || uniform_index(2, engine) == 0) {  // the first node has no other state to read
    changed[edge] = 1 + (choice[edge] + uniform_index(operations - 1, engine)) % operations;
    return changed;
  }
  const auto first = static_cast<size_t>((reduction ? searched_edges(steps) : 0) + first_edge(node));
  std::vector<size_t> free;
  for (size_t other = first; other < first + static_cast<size_t>(node) + 2; ++other) {
    if (choice[other] == 0) free.push_back(other);
  }
  std::swap(changed[edge], changed[free[static_cast<size_t>(uniform_index(std::ssize(free), engine))]]);
  return changed;
}

}  // namespace archleak::nas
