#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "attacks/eavesdropper/tap.h"
#include "client/options.h"
#include "core/config.h"
#include "core/protocol.h"
#include "data/load.h"
#include "data/partition.h"
#include "defenses/options.h"
#include "nas/architect.h"
#include "nas/dag_options.h"
#include "nas/derived_network.h"
#include "nas/search_network.h"
#include "nas/strategy.h"
#include "server/coordinator.h"
#include "wire/options.h"

namespace archleak::sim {

/// What the clients of a run do.
enum class WorkloadKind {
  search,  ///< search an architecture in a space
  train,   ///< train one network: a derived one, or one from models/
};

/// The space of a `search` run.
enum class SpaceKind {
  darts,  ///< the cell space of DARTS (nas/supernet.h)
  graph,  ///< a graph of cells with one mixture each (nas/dag_network.h)
};

/// The network of a `train` run.
struct NetworkOptions {
  std::string name = "cnn";           ///< of models/, or "derived"
  std::string genotype = "DARTS_V2";  ///< derived: a genotype file or its text (JSON), a published name, or "random"
  nas::DerivedOptions derived{.channels = 16, .layers = 8, .auxiliary = false};
  double auxiliary_weight = 0.4;  ///< of the auxiliary head's loss
  double drop_path = 0;           ///< drop-path probability at the last round; grows linearly from 0
};

/// The worker processes that `archleak run` starts.
struct WorkersOptions {
  int count = 4;
  int slots = 1;    ///< clients side by side in one process
  int threads = 1;  ///< intra-op threads of one client
};

/// Everything that one run is made of; the members' defaults are the configuration's.
struct RunConfig {
  std::string name;  ///< of the run; empty: the configuration file's
  WorkloadKind workload = WorkloadKind::search;
  uint64_t seed = 1;
  std::string log_level = "warn";  ///< on the console; files take everything
  int64_t clients = 16;
  ProtocolOptions protocol;
  server::CoordinatorOptions coordinator;
  client::LocalTrainingOptions training;
  client::LocalSearchOptions search;
  defenses::DefenseOptions defense;
  nas::ArchitectOptions architect;
  nas::StrategyOptions strategy;
  SpaceKind space_kind = SpaceKind::darts;
  nas::SpaceOptions space;
  nas::DagOptions graph;
  NetworkOptions network;
  data::DataOptions data;
  data::PartitionOptions partition;
  wire::WireOptions wire;
  attacks::TapOptions tap;
  WorkersOptions workers;
};

/// Describes every key (see core/config.h): `config` is the document's root, or the section of a larger document that
/// holds a run. Throws ConfigError.
void describe(ConfigSection config, RunConfig& run);

/// The part of `describe` that decides the model of a search, but for its seed and its data: sections `federation`,
/// `defense`, `training`, `search`, `space`, `graph` and `partition`.
void describe_search(ConfigSection config, RunConfig& run);

/// The part that decides how a network is trained on data that its clients have already: sections `federation`,
/// `defense`, `training` and `network`.
void describe_retraining(ConfigSection config, RunConfig& run);

/// The document (TOML) that describes exactly this run.
std::string resolved(const RunConfig& run);

/// Reads a configuration file with overrides ("section.key=value"), and rejects unknown keys. `resolved`, if not null,
/// receives the document with every key.
RunConfig load_run_config(const std::filesystem::path& file, const std::vector<std::string>& overrides,
                          std::string* resolved);

/// The same for a resolved document in memory, as a worker is sent it.
RunConfig parse_run_config(const std::string& document, const std::string& name);

}  // namespace archleak::sim
