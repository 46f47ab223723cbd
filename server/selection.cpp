#include "server/selection.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace archleak::server {
namespace {

int64_t cohort_size(const SelectionOptions& options, int64_t clients) {
  if (options.count > 0) return options.count;
  return std::max<int64_t>(1, std::llround(options.fraction * static_cast<double>(clients)));
}

}  // namespace

void describe(ConfigSection section, SelectionOptions& options) {
  section.read("kind", options.kind,
               {{"all", SelectionKind::all}, {"uniform", SelectionKind::uniform}, {"fixed", SelectionKind::fixed}},
               "which clients take part in a round");
  section.read("fraction", options.fraction, {.min = 0, .max = 1}, "uniform: share of the clients");
  section.read("count", options.count, {.min = 0}, "uniform: number of clients; 0: by fraction");
  section.read("clients", options.clients, {.min = 0}, "fixed: these clients");
  if (options.kind == SelectionKind::fixed && options.clients.empty()) {
    section.fail("clients", "expected at least one client, got none");
  }
}

void validate(const SelectionOptions& options, int64_t clients) {
  if (clients < 1) throw ConfigError(fmt::format("selection: expected at least one client, got {}", clients));
  if (options.kind == SelectionKind::uniform && options.count > clients) {
    throw ConfigError(fmt::format("selection: count: expected at most {} clients, got {}", clients, options.count));
  }
  if (options.kind != SelectionKind::fixed) return;
  if (options.clients.empty()) throw ConfigError("selection: clients: expected at least one client, got none");
  std::vector<int64_t> sorted = options.clients;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.front() < 0 || sorted.back() >= clients) {
    throw ConfigError(fmt::format("selection: clients: expected clients from 0 to {}, got {}", clients - 1,
                                  sorted.front() < 0 ? sorted.front() : sorted.back()));
  }
  const auto repeated = std::adjacent_find(sorted.begin(), sorted.end());
  if (repeated != sorted.end()) {
    throw ConfigError(fmt::format("selection: clients: expected every client once, got {} twice", *repeated));
  }
}

std::vector<int64_t> select_clients(const SelectionOptions& options, int64_t clients, uint64_t seed, int64_t round) {
  validate(options, clients);
  std::vector<int64_t> chosen;
  switch (options.kind) {
    case SelectionKind::all:
      chosen.resize(static_cast<size_t>(clients));
      std::iota(chosen.begin(), chosen.end(), 0);
      break;
    case SelectionKind::uniform: {
      RandomEngine engine = make_engine({.seed = seed, .round = round, .purpose = "client selection"});
      chosen = random_permutation(clients, engine);
      chosen.resize(static_cast<size_t>(cohort_size(options, clients)));
      break;
    }
    case SelectionKind::fixed:
      chosen = options.clients;
      break;
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace archleak::server
