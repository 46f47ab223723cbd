#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nas/genotype.h"

namespace archleak::nas {

/// One operation for each edge of a search space, by its index in kPrimitives; 0, "none", leaves the edge out. Edges
/// are the rows of `SearchNetwork::probabilities()`: in the cell space those of the normal cell, then of the reduction
/// cell, each ordered by node, then by state below. What `SearchNetwork::select` takes.
using Choice = std::vector<int64_t>;

/// The choice that takes the genotype's edges alone. Throws DataError for a genotype with other than `steps` nodes, or
/// one with two edges between the same states, where a searched cell has one.
Choice choice_of(const Genotype& genotype, int64_t steps);

/// The genotype of a choice; the last `multiplier` nodes form the output. Throws DataError unless every node takes two
/// edges.
Genotype genotype_of(const Choice& choice, int64_t steps, int64_t multiplier);

/// As a task's instruction: a byte an edge.
std::string encode_choice(const Choice& choice);

/// The inverse. Empty text: no choice.
Choice decode_choice(std::string_view text);

/// Several choices of as many edges each, and the inverse. Throws DataError for bytes that `encode_choices` cannot have
/// made of at least one.
std::string encode_choices(const std::vector<Choice>& choices);
std::vector<Choice> decode_choices(std::string_view bytes);

/// The choice with one edge changed, uniform: another operation on it, or another state below in its place. Throws
/// DataError as `genotype_of`.
Choice perturbed(const Choice& choice, int64_t steps, RandomEngine& engine);

}  // namespace archleak::nas
