#include "sim/run_config.h"

#include "sim/defense_setup.h"
#include "sim/strategy_setup.h"

namespace archleak::sim {

namespace {

void describe_updates(ConfigSection config, RunConfig& run) {
  ConfigSection federation = config.section("federation");
  federation.read("clients", run.clients, {.min = 1, .max = 1e6}, "simulated clients");
  describe(federation, run.protocol);
  describe(federation, run.coordinator);

  describe(config.section("defense"), run.defense);
  describe(config.section("training"), run.training);
}

void describe_architecture(ConfigSection config, RunConfig& run) {
  ConfigSection search = config.section("search");
  describe(search, run.search);
  describe(search, run.strategy);
  describe(search, run.architect);
  ConfigSection space = config.section("space");
  space.read("kind", run.space_kind, {{"darts", SpaceKind::darts}, {"graph", SpaceKind::graph}},
             "the cell space of DARTS, or a graph of cells ([graph])");
  describe(space, run.space);
  describe(config.section("graph"), run.graph);
}

void describe_network(ConfigSection config, RunConfig& run) {
  ConfigSection network = config.section("network");
  network.read("name", run.network.name, "network of a train run: one of models/, or \"derived\"");
  network.read("genotype", run.network.genotype,
               "derived network: a genotype file or its text, a published name, or \"random\"");
  describe(network, run.network.derived);
  network.read("auxiliary_weight", run.network.auxiliary_weight, {.min = 0, .max = 1}, "weight of the auxiliary loss");
  network.read("drop_path", run.network.drop_path, {.min = 0, .max = 0.99}, "drop-path probability at the last round");
}

/// Throws ConfigError for what does not go together.
void check(ConfigSection config, const RunConfig& run) {
  ConfigSection federation = config.section("federation");
  check_strategy(config, run);
  if (run.workload == WorkloadKind::search && run.space_kind == SpaceKind::graph &&
      run.protocol.protocol == Protocol::server_alpha) {
    federation.fail("protocol",
                    "expected \"gradient\", \"delta\" or \"weights\" for space.kind = \"graph\", got \"server_alpha\"");
  }
  if (run.workload == WorkloadKind::train && run.protocol.protocol == Protocol::server_alpha) {
    federation.fail("protocol", "expected \"gradient\", \"delta\" or \"weights\" in a train run, got \"server_alpha\"");
  }
  if (run.workload == WorkloadKind::train && run.protocol.withhold_weights) {
    federation.fail("withhold_weights", "expected false in a train run, which has weights alone, got true");
  }
  check_defenses(config, run);
}

}  // namespace

void describe_search(ConfigSection config, RunConfig& run) {
  describe_updates(config, run);
  describe_architecture(config, run);
  describe(config.section("partition"), run.partition);
  check(config, run);
}

void describe_retraining(ConfigSection config, RunConfig& run) {
  describe_updates(config, run);
  describe_network(config, run);
  check(config, run);
}

void describe(ConfigSection config, RunConfig& run) {
  ConfigSection general = config.section("run");
  general.read("name", run.name, "name of the run; empty: the configuration file's");
  general.read("workload", run.workload, {{"search", WorkloadKind::search}, {"train", WorkloadKind::train}},
               "what the clients do");
  general.read("seed", run.seed, "seed of everything that is drawn");
  general.read("log_level", run.log_level, {"trace", "debug", "info", "warn", "error", "off"},
               "how much the console shows; log files hold everything");

  describe_updates(config, run);
  describe_architecture(config, run);
  describe_network(config, run);
  describe(config.section("partition"), run.partition);
  check(config, run);
  describe(config.section("data"), run.data);
  describe(config.section("wire"), run.wire);
  ConfigSection tap = config.section("tap");
  describe(tap, run.tap);
  ConfigSection workers = config.section("workers");
  workers.read("count", run.workers.count, {.min = 0, .max = 1024}, "worker processes that `archleak run` starts");
  workers.read("slots", run.workers.slots, {.min = 1, .max = 256}, "clients side by side in one worker");
  workers.read("threads", run.workers.threads, {.min = 1, .max = 256},
               "intra-op threads of one client; with more than one the last bits may change, from run to run too");

  if (run.tap.enabled && run.wire.url.starts_with("inproc://")) {
    tap.fail("enabled",
             "expected wire.url to be \"auto\", ipc:// or tcp://, where there is a wire to listen on, got \"" +
                 run.wire.url + "\"");
  }
}

std::string resolved(const RunConfig& run) {
  Config config = Config::parse("", "configuration of a run");
  RunConfig copy = run;
  describe(config.root(), copy);
  return config.resolved();
}

RunConfig load_run_config(const std::filesystem::path& file, const std::vector<std::string>& overrides,
                          std::string* resolved) {
  Config config = Config::load(file, overrides);
  RunConfig run;
  run.name = file.stem().string();
  describe(config.root(), run);
  config.reject_unknown();
  if (resolved) *resolved = config.resolved();
  return run;
}

RunConfig parse_run_config(const std::string& document, const std::string& name) {
  Config config = Config::parse(document, name);
  RunConfig run;
  describe(config.root(), run);
  config.reject_unknown();
  return run;
}

}  // namespace archleak::sim
