#pragma once
#include <string>
#include <string_view>
#include <variant>

#include "nas/choice.h"
#include "nas/progressive.h"

namespace archleak::nas {

class SearchNetwork;

/// A sub-network drawn anew for every local step (SMASH).
struct RandomSubNetworks {
  int64_t steps = 0;  ///< nodes of a cell
  bool operator==(const RandomSubNetworks&) const = default;

  /// The next one: as random_genotype draws it.
  Choice next(RandomEngine& engine) const { return choice_of(random_genotype(steps, engine), steps); }
};

/// What the server of a search tells a client of the network that a task is about.
using Instruction = std::variant<std::monostate,  ///< all of it
                                 Choice,          ///< a sub-network with one operation an edge
                                 Stage,           ///< the part in which a stage of P-DARTS searches
                                 RandomSubNetworks>;

/// As bytes; none for all of the network.
std::string encode(const Instruction& instruction);

/// The inverse. Throws DataError for bytes that `encode` cannot have made.
Instruction decode_instruction(std::string_view bytes);

/// Restricts the network as the instruction says, from then on and to nothing else; random sub-networks are all of it.
/// Throws Error where it cannot be.
void apply(const Instruction& instruction, SearchNetwork& network);

}  // namespace archleak::nas
