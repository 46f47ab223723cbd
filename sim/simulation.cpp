#include "sim/simulation.h"

#include <spdlog/fmt/fmt.h>

#include <thread>

#include "client/worker.h"
#include "core/error.h"

namespace archleak::sim {
namespace {

/// Experiments look at models, not at rounds.
class Unobserved : public server::RunObserver {
 public:
  void on_round(const server::RoundRecord&) override {}
  void on_event(const std::string&, const nlohmann::ordered_json&) override {}
  void on_tasks(int64_t, int64_t) override {}
  void before_checkpoint() override {}
};

/// A worker on a thread of its own; its error, if any, stops the coordinator.
class InprocWorker {
 public:
  InprocWorker(zmq::context_t& context, const std::string& endpoint, const Simulation& simulation,
               std::atomic<bool>& halt)
      : thread_([&context, endpoint, &simulation, &halt, this] {
          try {
            const auto run = std::make_shared<const RunConfig>(simulation.run);
            client::run_worker(
                context, {.connect = endpoint, .name = "worker", .slots = simulation.run.workers.slots}, {},
                [&](const std::string&) { return plan_worker(run, simulation.data); }, stop_);
          } catch (...) {
            error_ = std::current_exception();
            halt = true;
          }
        }) {}
  ~InprocWorker() { join(); }

  /// Waits for the worker's end; throws what it threw.
  void finish() {
    join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void join() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::atomic<bool> stop_{false};
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace

std::optional<GlobalModel> simulate(const Simulation& simulation, const std::atomic<bool>& stop) {
  const auto& train = simulation.data->splits.train;
  GlobalModel model = make_global_model(simulation.run, train.shape, train.classes);
  RunConfig known = simulation.run;  // how often it is kept does not make it another run
  known.coordinator.checkpoint_every = RunConfig().coordinator.checkpoint_every;
  const server::RunPlan plan = make_run_plan(simulation.run, resolved(known), *simulation.data, model);
  zmq::context_t context;
  wire::CoordinatorSocket socket(context, "inproc://simulation");
  Unobserved observer;
  server::Coordinator coordinator(socket, simulation.run.coordinator, plan, model.arena, observer,
                                  simulation.checkpoints);
  if (coordinator.first_round() < simulation.run.coordinator.rounds) {
    std::atomic<bool> halt{false}, ended{false};
    std::thread relay([&] {
      while (!ended) {
        if (stop) halt = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
    InprocWorker worker(context, socket.endpoint(), simulation, halt);
    server::RunEnd end;
    std::exception_ptr error;
    try {
      end = coordinator.run(halt);
    } catch (...) {
      error = std::current_exception();
    }
    ended = true;
    relay.join();
    worker.finish();
    if (error) std::rethrow_exception(error);
    if (end.interrupted) return std::nullopt;
  }
  if (model.strategy) nas::apply(nas::decode_instruction(model.strategy->evaluated()), *model.search);
  model.network->eval();
  return model;
}

}  // namespace archleak::sim
