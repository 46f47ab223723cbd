#include "sim/federated_run.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <zmq.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "models/export.h"
#include "nas/genotype_svg.h"
#include "sim/defense_setup.h"
#include "sim/launcher.h"
#include "sim/report.h"
#include "sim/run_facts.h"
#include "sim/run_recorder.h"
#include "sim/run_summary.h"
#include "sim/setup.h"
#include "sim/show_command.h"
#include "sim/tap_process.h"
#include "sim/version_command.h"
#include "wire/keys.h"

namespace archleak::sim {
namespace {

constexpr const char* kVersion = ARCHLEAK_VERSION;

RunFacts make_facts(const RunConfig& config, const std::string& url, bool curve, const server::RunPlan& plan) {
  const auto clients = static_cast<int64_t>(plan.client_sizes.size());
  return {.name = config.name,
          .version = kVersion,
          .workload = config.workload == WorkloadKind::search ? "search" : "train",
          .data = config.data.name,
          .network = config.workload == WorkloadKind::train  ? config.network.name
                     : config.space_kind == SpaceKind::graph ? "graph"
                                                             : nas::name_of(config.strategy.kind),
          .device = "cpu",
          .seed = config.seed,
          .rounds = config.coordinator.rounds,
          .clients = clients,
          .clients_per_round = static_cast<int64_t>(
              server::select_clients(config.coordinator.selection, clients, config.seed, 0).size()),
          .workers = config.workers.count,
          .protocol = name_of(config.protocol.protocol),
          .fidelity = config.protocol.fidelity == Fidelity::wire ? "wire" : "fused",
          .transport = url.substr(0, url.find(':')),
          .curve = curve,
          .batch_size = config.training.batch_size,
          .local_epochs = config.training.epochs,
          .max_local_steps = config.training.max_steps,
          .batch_norm = name_of(config.protocol.batch_norm),
          .defenses = defenses_in_words(config, plan.dp_sgd)};
}

void write_client_histogram(const client::TrainingData& data, RunDirectory& directory) {
  const auto& train = data.splits.train;
  data::write_partition(directory.partition(), data.partition, train.size());
  ClientClasses classes;
  for (int64_t label = 0; label < train.classes; ++label) classes.class_names.push_back(train.class_name(label));
  classes.counts = data::class_histogram(data.partition, train.labels, train.classes);
  directory.write_clients(classes);
  for (size_t client = 0; client < classes.counts.size(); ++client) {
    spdlog::debug("client {} has examples by class: {}", client, fmt::join(classes.counts[client], " "));
  }
}

/// What a run leaves behind beside its tables: genotype, drawing, weights.
void write_results(const RunConfig& config, const GlobalModel& model, RunDirectory& directory) {
  if (const auto genotype = derive_genotype(config, model)) {
    write_file_atomically(directory.genotype(), nas::to_json(*genotype) + "\n");
    write_file_atomically(directory.genotype_drawing(), nas::genotype_svg(*genotype, config.name));
  }
  models::export_weights(*model.network, directory.weights());
}

/// Says how to start a worker. An address that stands for all of the machine's becomes its name.
void print_invitation(std::string endpoint, bool curve) {
  if (const size_t any = endpoint.find("//0.0.0.0:"); any != std::string::npos) {
    char host[256] = {};
    gethostname(host, sizeof host - 1);
    endpoint.replace(any + 2, std::string("0.0.0.0").size(), host);
  }
  fmt::print("Coordinator ready; start workers, here or elsewhere, with:\n  archleak worker --connect {}{}\n", endpoint,
             curve ? " --keys DIR    (DIR holds worker.key and coordinator.pub)" : "");
}

void print_end(const RunDirectory& directory, const server::RunEnd& end) {
  fmt::print("{}\n", describe_run(directory));
  if (end.interrupted) fmt::print("\nInterrupted. Continue with:\n  archleak resume {}\n", directory.path().string());
}

std::string fresh_ipc_url(const std::string& suffix) {
  // An ipc path may have 107 bytes; run directories are often deeper than that.
  return fmt::format("ipc://{}/archleak-{}{}.sock", std::filesystem::temp_directory_path().string(), ::getpid(),
                     suffix);
}

/// Where a coordinator binds when a tap listens at its address: one that is reached on this machine only.
std::string url_behind_tap(const std::string& url) {
  if (url.starts_with("tcp://")) return "tcp://127.0.0.1:*";
  if (url.starts_with("ipc://")) return fresh_ipc_url("-coordinator");
  throw ConfigError("tap.enabled: expected an ipc or tcp address, where there is a wire to listen on, got " + url);
}

std::unique_ptr<TapProcess> start_tap(const RunConfig& config, const std::string& listen, const std::string& connect,
                                      const RunDirectory& directory) {
  return std::make_unique<TapProcess>(TapProcess::Arguments{.listen = listen,
                                                            .connect = connect,
                                                            .capture = directory.capture().string(),
                                                            .buffer_mib = config.tap.buffer_mib,
                                                            .log = directory.log("tap").string(),
                                                            .log_level = config.log_level},
                                      [log = directory.log("tap").string()](const std::string& how) {
                                        spdlog::error("the tap ended: {} (see {}); it is started again", how, log);
                                      });
}

}  // namespace

std::string coordinator_url(const RunConfig& config, const std::string& bind) {
  if (!bind.empty()) return bind;
  if (config.wire.url != "auto") return config.wire.url;
  return fresh_ipc_url("");
}

int run_federated(const RunRequest& request, RunDirectory& directory, const std::atomic<bool>& stop) {
  const RunConfig& config = request.config;
  start_logging("coordinator", config.log_level, directory.log("coordinator"));
  warn_of_reference_blas();
  const auto data = make_training_data(config);
  GlobalModel model = make_global_model(config, data->splits.train.shape, data->splits.train.classes);
  const server::RunPlan plan = make_run_plan(config, request.resolved, *data, model);
  if (!request.resume) write_client_histogram(*data, directory);

  wire::WireOptions wire_options = config.wire;
  wire_options.url = coordinator_url(config, request.bind);
  std::unique_ptr<TapProcess> tap;  // outlives the socket, whose last messages go through it
  zmq::context_t context;
  const auto keys = wire::coordinator_keys(wire_options);
  wire::CoordinatorSocket socket(context, config.tap.enabled ? url_behind_tap(wire_options.url) : wire_options.url,
                                 keys);
  if (config.tap.enabled) tap = start_tap(config, wire_options.url, socket.endpoint(), directory);
  const std::string endpoint = tap ? tap->url() : socket.endpoint();

  RunRecorder recorder(directory, config.workload == WorkloadKind::search ? "search" : "train");
  server::Coordinator coordinator(socket, config.coordinator, plan, model.arena, recorder, directory.checkpoints());
  if (request.resume) directory.truncate_metrics(coordinator.first_round() - 1);
  RunFacts facts = make_facts(config, wire_options.url, keys.has_value(), plan);
  facts.workers = request.local_workers > 0 ? request.local_workers : facts.workers;
  directory.append_start(facts);

  // The coordinator also stops when the last worker on this machine is gone and none can come back.
  std::atomic<bool> halt{false};
  std::atomic<bool> all_lost{false};
  std::unique_ptr<LocalWorkers> workers;
  if (request.local_workers > 0) {
    workers = std::make_unique<LocalWorkers>(
        request.local_workers,
        [&](const std::string& name) {
          std::vector<std::string> arguments = {"worker",
                                                "--connect",
                                                endpoint,
                                                "--name",
                                                name,
                                                "--slots",
                                                std::to_string(config.workers.slots),
                                                "--log",
                                                directory.log(name).string(),
                                                "--log-level",
                                                config.log_level};
          if (keys) arguments.insert(arguments.end(), {"--keys", config.wire.keys});
          return arguments;
        },
        [&](const LocalWorkers::Exit& exit) {
          if (exit.clean) return;
          spdlog::error("{} ended: {}; {} workers are left (it is not restarted; see {})", exit.name, exit.how,
                        exit.left, directory.log(exit.name).string());
          if (exit.left == 0) {
            all_lost = true;
            halt = true;
          }
        });
  } else {
    print_invitation(endpoint, keys.has_value());
    std::fflush(stdout);
  }
  std::thread relay([&] {
    while (!halt) {
      if (stop) halt = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });

  recorder.show_progress(config.name, config.coordinator.rounds, coordinator.first_round());
  server::RunEnd end;
  const auto finish = [&] {
    halt = true;
    relay.join();
    workers.reset();
  };
  try {
    end = coordinator.run(halt);
  } catch (const std::exception& error) {
    finish();
    directory.append_event("failed", {{"reason", error.what()}});
    throw;
  }
  finish();
  directory.append_event(end.interrupted ? "interrupted" : "finished",
                         {{"rounds", end.rounds}, {"model_hash", end.model_hash}});
  write_results(config, model, directory);
  write_report(directory);
  print_end(directory, end);
  if (all_lost) throw Error("all worker processes have ended; their logs are in " + directory.path().string());
  return static_cast<int>(end.interrupted ? ExitCode::interrupted : ExitCode::success);
}

}  // namespace archleak::sim
