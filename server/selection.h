#pragma once
#include <cstdint>
#include <vector>

#include "core/config.h"

namespace archleak::server {

enum class SelectionKind { all, uniform, fixed };

/// Which clients take part in a round.
struct SelectionOptions {
  SelectionKind kind = SelectionKind::all;
  double fraction = 1;                ///< uniform: share of the clients, at least one client
  int64_t count = 0;                  ///< uniform: number of clients; 0: by fraction
  std::vector<int64_t> clients = {};  ///< fixed: these
};

void describe(ConfigSection section, SelectionOptions& options);

/// Throws ConfigError unless the options can be met by clients 0..clients-1.
void validate(const SelectionOptions& options, int64_t clients);

/// The clients of `round`, ascending and distinct; uniform draws without replacement, keyed by (seed, round).
std::vector<int64_t> select_clients(const SelectionOptions& options, int64_t clients, uint64_t seed, int64_t round);

}  // namespace archleak::server
