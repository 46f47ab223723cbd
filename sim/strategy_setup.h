#pragma once
#include <memory>

#include "core/arena.h"
#include "nas/search_network.h"
#include "server/search_strategy.h"
#include "sim/run_config.h"

namespace archleak::sim {

/// What a search strategy asks of the rest of a configuration. Throws ConfigError at the key that contradicts it.
void check_strategy(ConfigSection config, const RunConfig& run);

/// The server's part in a search run; null: it has none. `network`, at its initial weights, and `arena` are the global
/// model's, whose memory the strategy shares. Throws ConfigError.
std::shared_ptr<server::SearchStrategy> make_strategy(const RunConfig& run,
                                                      const std::shared_ptr<nas::SearchNetwork>& network,
                                                      const Arena& arena);

}  // namespace archleak::sim
