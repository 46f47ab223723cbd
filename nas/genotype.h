#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"

namespace archleak::nas {

/// The operations of the DARTS cell space, in the order of the columns of alpha.
inline constexpr std::array<const char*, 8> kPrimitives = {"none",         "max_pool_3x3", "avg_pool_3x3",
                                                           "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                                           "dil_conv_3x3", "dil_conv_5x5"};

/// A discrete architecture: one normal and one reduction cell.
///
/// A cell's states are numbered: 0 and 1 are the outputs of the cell before the last and of the last one, 2 and up are
/// its nodes, at most 32. Node i is the sum of the edges 2i and 2i + 1; the cell's output is the concatenation of the
/// states named in `concat` along the channels.
struct Genotype {
  struct Edge {
    std::string operation;  ///< one of kPrimitives, not "none"
    int64_t from;           ///< a state below the edge's node
    bool operator==(const Edge&) const = default;
  };
  std::vector<Edge> normal;
  std::vector<int64_t> normal_concat;
  std::vector<Edge> reduce;
  std::vector<int64_t> reduce_concat;
  bool operator==(const Genotype&) const = default;
};

/// The number of edges of a searched cell with `steps` nodes: node i has one edge from each of its i + 2 states below.
inline constexpr int64_t searched_edges(int64_t steps) {
  return steps * (steps + 3) / 2;
}

/// Derives the genotype of a search (Liu et al., "DARTS", 2019, section 2.4): each node keeps the two edges whose
/// strongest operation other than "none" is largest, strongest edge first, each with that operation; ties go to the
/// lower index. The last `multiplier` nodes form the output.
///
/// Probabilities are `[edges][operations]`, edges ordered by node, then by state below; operations as in kPrimitives.
/// Throws DataError unless there are `searched_edges(steps)` rows of eight finite numbers.
Genotype derive(const std::vector<std::vector<double>>& normal_probabilities,
                const std::vector<std::vector<double>>& reduce_probabilities, int64_t steps, int64_t multiplier);

/// `{"normal": [["sep_conv_3x3", 0], ...], "normal_concat": [2, 3, 4, 5], "reduce": ..., "reduce_concat": ...}`
std::string to_json(const Genotype& genotype);

/// The literal that DARTS' genotypes.py holds: `Genotype(normal=[('sep_conv_3x3', 0), ...], ...)`.
std::string to_python(const Genotype& genotype);

/// Reads what `to_json` writes. `where` stands for the text in messages. Throws DataError for bad JSON, an unknown key
/// or operation, and for edges or outputs that do not form a cell.
Genotype genotype_from_json(const std::string& text, const std::string& where);

/// Throws DataError unless `genotype` describes two cells; `where` begins the message.
void validate(const Genotype& genotype, const std::string& where);

/// A published genotype: "DARTS_V1", "DARTS_V2" (second order), "PDARTS" or "FedNAS_V1". Throws ConfigError for another
/// name, naming the nearest.
Genotype named_genotype(const std::string& name);

std::vector<std::string> genotype_names();

/// The genotype in the file at that path, or else the published one of that name; text that begins with "{" is the JSON
/// itself. Throws DataError for a bad file or text and ConfigError when it is neither.
Genotype load_genotype(const std::string& file_or_name);

/// Two distinct states below and two operations for each node of both cells, all uniform; every node is in the output.
Genotype random_genotype(int64_t steps, RandomEngine& engine);

}  // namespace archleak::nas
