// What the coordinator costs a client: a model of 2 million floats, a trainer that does nothing, two workers.
//
//   archleak_bench_coordinator [clients] [rounds]
//
// Prints, for both fidelities: milliseconds of the coordinator's thread a client, milliseconds of wall clock a client,
// bytes a round, and peak memory after the first tenth of the rounds and at the end. The limit is one pass over the
// model a message: the time of a copy of its 8 MB, measured in the same run.
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <time.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "client/worker.h"
#include "server/coordinator.h"

namespace {

using namespace archleak;

constexpr int64_t kFloats = 2'000'000;

struct FlatModel : torch::nn::Module {
  FlatModel() { register_parameter("weight", torch::zeros({kFloats})); }
};

class NothingToDo : public client::Workload {
 public:
  int64_t model_size() const override { return kFloats; }
  int64_t update_size() const override { return kFloats; }
  void load(std::span<const float>) override {}
  client::ClientOutcome train(const client::ClientTask&, std::span<float>) override {
    return {.weight = 1, .figures = {{"train_loss", 0}}, .state = {}};
  }
  client::Evaluation evaluate(int64_t, int64_t, const std::string&) override { return {}; }
};

double thread_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

class Meter : public server::RunObserver {
 public:
  explicit Meter(int64_t rounds) : rounds_(rounds) {}
  void on_round(const server::RoundRecord& record) override {
    bytes_up = record.bytes_up;
    bytes_down = record.bytes_down;
    if (record.round == rounds_ / 10) early_peak_mb = peak_mb();
  }
  void on_event(const std::string&, const nlohmann::ordered_json&) override {}
  void on_tasks(int64_t, int64_t) override {}
  void before_checkpoint() override {}

  int64_t bytes_up = 0;
  int64_t bytes_down = 0;
  double early_peak_mb = 0;

 private:
  int64_t rounds_;
};

double copy_ms() {
  std::vector<float> from(kFloats, 1), to(kFloats);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    from[i] = static_cast<float>(i);
    std::memcpy(to.data(), from.data(), kFloats * sizeof(float));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return to[0] + seconds > 0 ? 1000 * seconds / 50 : 0;
}

void measure(Fidelity fidelity, int64_t clients, int64_t rounds) {
  zmq::context_t context;
  wire::CoordinatorSocket socket(context, "tcp://127.0.0.1:0");
  FlatModel module;
  Arena arena = Arena::adopt(module);
  const ProtocolOptions protocol{.protocol = Protocol::delta, .fidelity = fidelity};
  server::RunPlan plan{.config = "", .seed = 1, .protocol = protocol, .client_sizes = std::vector<int64_t>(clients, 1)};
  server::CoordinatorOptions options;
  options.rounds = rounds;
  options.checkpoint_every = rounds;
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (int i = 0; i < 2; ++i) {
    workers.emplace_back([&, i] {
      client::run_worker(
          context, {.connect = socket.endpoint(), .name = fmt::format("w{}", i)}, {},
          [&](const std::string&) {
            return client::WorkerPlan{.make_workload = [] { return std::make_unique<NothingToDo>(); },
                                      .protocol = protocol};
          },
          stop);
    });
  }
  Meter meter(rounds);
  const auto folder = std::filesystem::temp_directory_path() / ("archleak-bench-" + std::to_string(getpid()));
  server::Coordinator coordinator(socket, options, plan, arena, meter, folder);
  const double cpu = thread_cpu_s();
  const auto start = std::chrono::steady_clock::now();
  coordinator.run(stop);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double coordinator_cpu = thread_cpu_s() - cpu;
  stop = true;
  for (auto& worker : workers) worker.join();
  std::filesystem::remove_all(folder);
  const auto tasks = static_cast<double>(clients * rounds);
  fmt::print(
      "{:<6} {:>8.3f} ms coordinator CPU a client, {:>8.3f} ms wall a client, {:>8.1f} MB up and {:>8.1f} MB down a "
      "round, "
      "peak {:.0f} MB after a tenth, {:.0f} MB at the end\n",
      fidelity == Fidelity::wire ? "wire" : "fused", 1000 * coordinator_cpu / tasks, 1000 * wall / tasks,
      static_cast<double>(meter.bytes_up) / 1e6, static_cast<double>(meter.bytes_down) / 1e6, meter.early_peak_mb,
      peak_mb());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t clients = argc > 1 ? std::atoll(argv[1]) : 1000;
  const int64_t rounds = argc > 2 ? std::atoll(argv[2]) : 3;
  spdlog::set_level(spdlog::level::warn);
  fmt::print("{} clients, {} rounds, 2 workers, a model of {} floats; one copy of it takes {:.2f} ms\n", clients,
             rounds, kFloats, copy_ms());
  measure(Fidelity::fused, clients, rounds);
  measure(Fidelity::wire, clients, rounds);
}
