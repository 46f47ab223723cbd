#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "nas/genotype.h"
#include "nas/sub_space.h"

namespace archleak::nas {

/// P-DARTS (Chen, Xie, Wu, Tian 2019): stages in which the network grows and edges keep fewer operations. The defaults
/// are for a CPU; the original has 5, 11, 17 layers.
struct ProgressiveOptions {
  std::vector<int64_t> layers{2, 3, 4};             ///< cells, by stage; the last stage's are the space's
  std::vector<int64_t> operations{8, 5, 3};         ///< that an edge keeps, by stage
  std::vector<double> skip_dropout{0.1, 0.4, 0.7};  ///< at the first round of a stage
  int64_t max_skips = 2;                            ///< skip-connects in the normal cell that comes out

  int64_t stages() const { return static_cast<int64_t>(layers.size()); }
};

/// Throws ConfigError for lists of different lengths, or ones that shrink (layers) or grow (operations).
void describe(ConfigSection section, ProgressiveOptions& options);

/// A stage as clients are told of it; the same in all its rounds.
struct Stage {
  int64_t first_round = 0;
  int64_t rounds = 1;
  SubSpace space;  ///< with the dropout of the first round
  bool operator==(const Stage&) const = default;
};

/// The number of the stage that `round` of `rounds` belongs to: stages are of equal length up to one round.
int64_t stage_of(int64_t round, int64_t rounds, int64_t stages);

/// The first round of a stage; `rounds` for the number after the last one.
int64_t first_round_of(int64_t stage, int64_t rounds, int64_t stages);

/// Whether alpha takes steps in `round` of a stage (or a search without stages) that began with `first_round`: not in
/// its first `weights_only` rounds.
bool alpha_moves(int64_t round, int64_t first_round, int64_t weights_only);

/// The rate of dropout on skip-connects in `round`: in the stage's first `weights_only` rounds it falls linearly
/// towards 0 over the stage, then it starts from the first round's again and falls by exp(-0.2) a round.
double skip_dropout_at(const Stage& stage, int64_t round, int64_t weights_only);

/// Keeps the `count` operations of largest probability of those in `kept`, row by row; ties go to the lower index.
/// Throws DataError for tables that do not match.
std::vector<OperationSet> keep_strongest(const std::vector<std::vector<double>>& probabilities,
                                         const std::vector<OperationSet>& kept, int64_t count);

/// As `derive`, with at most `max_skips` skip-connects in the normal cell: while there are more, the weakest one's
/// operation is taken from its edge, and the cell is derived anew (Chen et al. 2019, section 3.3).
Genotype derive_with_few_skips(std::vector<std::vector<double>> normal_probabilities,
                               const std::vector<std::vector<double>>& reduce_probabilities, int64_t steps,
                               int64_t multiplier, int64_t max_skips);

}  // namespace archleak::nas
