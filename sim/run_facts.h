#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace archleak::sim {

/// What a run is, as its coordinator knows it once everything is set up: the fields of the events "start" and "resume".
/// Beside what identifies the run stands what decides how much an eavesdropper learns.
struct RunFacts {
  std::string name;      ///< the configuration's name, "demo"
  std::string version;   ///< of the program
  std::string workload;  ///< what the clients do, "search"
  std::string data;      ///< "digits"
  std::string network;   ///< of a search, its strategy or "graph": "darts"
  std::string device;    ///< "cpu"
  uint64_t seed = 0;
  int64_t rounds = 0;   ///< planned in all
  int64_t clients = 0;  ///< simulated in all
  int64_t clients_per_round = 0;
  int64_t workers = 0;                ///< processes expected
  std::string protocol;               ///< what a client sends: "gradient", "delta", "weights", "server_alpha"
  std::string fidelity;               ///< "wire" or "fused"
  std::string transport;              ///< "inproc", "ipc" or "tcp"
  bool curve = false;                 ///< whether the wire is encrypted
  int64_t batch_size = 0;             ///< examples
  int64_t local_epochs = 1;           ///< that a client trains in a round; the gradient protocol takes one step
  int64_t max_local_steps = 0;        ///< at most so many steps of them; 0: no limit
  std::string batch_norm;             ///< the batch-norm policy
  std::vector<std::string> defenses;  ///< by name; empty: none

  bool operator==(const RunFacts&) const = default;
};

/// The fields by their names above.
nlohmann::ordered_json to_json(const RunFacts& facts);

/// Reads what `to_json` writes; fields that are absent keep their defaults, others are ignored. Throws DataError,
/// beginning with `where`, for a field of another type.
RunFacts facts_from_json(const nlohmann::ordered_json& json, const std::string& where);

}  // namespace archleak::sim
