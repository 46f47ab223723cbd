#include "tests/server/federation.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <limits>
#include <mutex>

#include "core/error.h"
#include "core/pack.h"
#include "core/torch_random.h"
#include "nas/choice.h"
#include "server/sampled_alpha.h"
#include "tests/support/paths.h"

namespace archleak::test {
namespace {

struct ToyModule : torch::nn::Module {
  ToyModule() {
    register_parameter("weight", torch::linspace(-1, 1, 24));
    register_parameter("alphas", torch::linspace(0, 1, 8).reshape({2, 4}).contiguous());
    register_buffer("mean", torch::linspace(2, 3, 4));
  }
};

UpdateLayout broadcast(const ArenaLayout& layout, const ProtocolOptions& protocol) {
  return broadcast_layout(protocol, layout.weights, layout.alpha, layout.buffers);
}

UpdateLayout update(const ArenaLayout& layout, const ProtocolOptions& protocol) {
  return update_layout(protocol, layout.weights, layout.alpha, layout.buffers);
}

class ToyWorkload : public client::Workload {
 public:
  ToyWorkload(const ProtocolOptions& protocol, const ToyBehaviour& behaviour)
      : protocol_(protocol), behaviour_(behaviour), layout_(ToyModel().arena.layout()) {}

  int64_t model_size() const override { return broadcast(layout_, protocol_).size(); }
  int64_t update_size() const override { return update(layout_, protocol_).size(); }
  void load(std::span<const float> model) override { model_.assign(model.begin(), model.end()); }

  client::ClientOutcome train(const client::ClientTask& task, std::span<float> out) override {
    if (behaviour_.before) behaviour_.before(task.round, task.client);
    task.check();
    if (behaviour_.failing.contains(task.client)) throw DataError("this client always fails");
    const int64_t visits = task.state.empty() ? 0 : std::stoll(task.state);
    RandomEngine engine = make_engine({.seed = 5,
                                       .round = task.round,
                                       .client = task.client,
                                       .purpose = std::string("toy").append(task.instruction),
                                       .index = visits});
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<float>(uniform(engine) - 0.5) + 0.25f * model_[i % model_.size()];
    }
    if (behaviour_.not_finite.contains(task.client)) out[3] = std::numeric_limits<float>::quiet_NaN();
    return {.weight = 10 + 3 * task.client,
            .figures = {{"train_loss", uniform(engine)}, {"reward", uniform(engine)}},
            .state = behaviour_.keeps_state ? std::to_string(visits + 1) : std::string()};
  }

  client::Evaluation evaluate(int64_t first, int64_t last, const std::string&) override {
    if (behaviour_.before_evaluation) behaviour_.before_evaluation();
    return {.examples = last - first, .correct = (last - first) / 2, .loss_sum = model_[0] * static_cast<double>(last)};
  }

  /// Of 20 examples, as many right as the sub-network's number, the client and the model say.
  client::ClientOutcome survey(const client::ClientTask& task) override {
    client::ClientOutcome outcome{.weight = 20, .figures = {}, .state = {}};
    for (const auto& choice : nas::decode_choices(task.instruction)) {
      double sum = model_[0] * static_cast<double>(task.client);
      for (size_t edge = 0; edge < choice.size(); ++edge) sum += static_cast<double>(choice[edge] * (edge + 1));
      outcome.figures.push_back({"correct", std::floor(std::fmod(std::abs(sum), 20))});
    }
    return outcome;
  }

 private:
  ProtocolOptions protocol_;
  const ToyBehaviour& behaviour_;
  ArenaLayout layout_;
  std::vector<float> model_;
};

class Recorder : public server::RunObserver {
 public:
  Recorder(Federation::Result& result, std::atomic<bool>& stop, int64_t stop_after)
      : result_(result), stop_(stop), stop_after_(stop_after) {}
  void on_round(const server::RoundRecord& record) override {
    result_.rounds.push_back(record);
    if (stop_after_ >= 0 && static_cast<int64_t>(result_.rounds.size()) >= stop_after_) stop_ = true;
  }
  void on_event(const std::string& kind, const nlohmann::ordered_json&) override { result_.events.push_back(kind); }
  void on_tasks(int64_t, int64_t) override {}
  void before_checkpoint() override {}

 private:
  Federation::Result& result_;
  std::atomic<bool>& stop_;
  int64_t stop_after_;
};

}  // namespace

ToyModel::ToyModel()
    : module(std::make_shared<ToyModule>()),
      arena(Arena::adopt(*module, [](const std::string& name) { return name == "alphas"; })) {}

Federation::Federation() {
  options.rounds = 3;
  options.heartbeat_s = 0.05;
  options.schedule.lease_s = 2;
  options.worker_patience_s = 10;
  protocol.protocol = Protocol::delta;
}

Federation::Result Federation::run() const {
  const TemporaryFolder folder;
  zmq::context_t context;
  wire::CoordinatorSocket socket(context, url);
  ToyModel model;
  server::RunPlan plan{.config = config,
                       .seed = 9,
                       .protocol = protocol,
                       .client_sizes = {},
                       .held_out = 50,
                       .parts = {},
                       .privacy = privacy,
                       .dp_sgd = dp_sgd};
  plan.strategy = strategy;
  if (!strategy && protocol.protocol == Protocol::server_alpha) {
    plan.strategy = std::make_shared<server::SampledAlpha>(model.arena, options.update.alpha, plan.seed);
  }
  for (int64_t client = 0; client < clients; ++client) plan.client_sizes.push_back(10 + 3 * client);

  std::atomic<bool> stop_workers{false};
  const client::WorkerPlanner planner = [this](const std::string&) {
    return client::WorkerPlan{.make_workload = [this] { return std::make_unique<ToyWorkload>(protocol, behaviour); },
                              .protocol = protocol,
                              .seed = 9};
  };
  std::vector<std::thread> threads;
  for (int worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      client::run_worker(context, {.connect = socket.endpoint(), .name = fmt::format("w{}", worker), .slots = slots},
                         {}, planner, stop_workers);
    });
  }
  Result result;
  std::atomic<bool> stop{false};
  Recorder recorder(result, stop, stop_after);
  std::exception_ptr error;
  try {
    server::Coordinator coordinator(socket, options, plan, model.arena, recorder,
                                    checkpoints.empty() ? folder.path() : checkpoints);
    result.end = coordinator.run(stop);
  } catch (...) {
    error = std::current_exception();
  }
  stop_workers = true;
  for (auto& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
  const auto values = std::as_const(model.arena).floats();
  result.model.assign(values.begin(), values.end());
  return result;
}

}  // namespace archleak::test
