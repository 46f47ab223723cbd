#include "client/worker.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <deque>
#include <future>

#include "client/mailbox.h"
#include "client/perform.h"
#include "client/round_sum.h"
#include "client/slots.h"
#include "core/error.h"

namespace archleak::client {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kHelloInterval = 1s;
constexpr auto kTick = 100ms;

/// What one contact with the coordinator (hello, welcome, tasks) holds; the next contact starts from nothing.
struct Contact {
  uint64_t number = 1;  ///< distinguishes this contact's results from those of earlier ones
  uint64_t epoch = 0;
  Clock::duration heartbeat = 1s;
  int64_t model_round = -1;
  wire::Payload model;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  std::optional<RoundSum> sum;     ///< fused fidelity only
  std::deque<wire::Task> waiting;  ///< came before the plan was ready
};

/// What other threads hand to the worker's own: a result of a contact, the plan, or an error that ends this worker.
struct Finished {
  uint64_t contact = 0;
  wire::Message message;
  std::shared_ptr<const WorkerPlan> plan;
  std::exception_ptr error;
};

class Worker {
 public:
  Worker(zmq::context_t& context, const WorkerOptions& options, const std::optional<wire::WorkerKeys>& keys,
         const WorkerPlanner& planner, const std::atomic<bool>& stop)
      : options_(options), planner_(planner), stop_(stop), socket_(context, options.name, keys) {
    // Sessions of a process that takes over this one's name must differ from ours.
    contact_.number = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    socket_.connect(options.connect);
  }

  ~Worker() { contact_.cancelled->store(true); }

  WorkerExit run() {
    heard_ = Clock::now();
    while (!exit_) {
      if (stop_) return leave("stopped");
      if (Clock::now() - heard_ > std::chrono::duration<double>(options_.give_up_s)) {
        return leave(
            fmt::format("the coordinator at {} was silent for {:.0f} s", options_.connect, options_.give_up_s));
      }
      keep_contact();
      if (const auto received = socket_.receive(std::chrono::milliseconds(kTick), mailbox_.wake_fd())) take(*received);
      send_finished();
    }
    return *exit_;
  }

 private:
  bool welcomed() const { return contact_.epoch != 0; }

  WorkerExit leave(const std::string& reason) {
    if (welcomed()) socket_.send(contact_.epoch, wire::Bye{reason});
    return {.drained = false, .reason = reason};
  }

  void keep_contact() {
    const auto now = Clock::now();
    if (now < next_sign_) return;
    if (!welcomed()) {
      socket_.send(
          0, wire::Hello{options_.name, static_cast<uint32_t>(options_.slots), ARCHLEAK_VERSION, contact_.number});
      next_sign_ = now + kHelloInterval;
    } else {
      socket_.send(contact_.epoch, wire::Heartbeat{++sequence_});
      next_sign_ = now + contact_.heartbeat;
    }
  }

  void take(const wire::Received& received) {
    if (received.rejection == wire::Rejection::refused) {
      throw TransportError(fmt::format("{}: expected to be let in, got: {}", options_.connect, received.reason));
    }
    if (received.rejection == wire::Rejection::lost) {
      if (!welcomed()) return;
      // A task, a result or a sum may have been under way: begin again, which gives our tasks back.
      spdlog::warn("{}; saying hello again", received.reason);
      socket_.reconnect();
      restart_contact();
      next_sign_ = Clock::now();
      return;
    }
    if (!received.message) {
      spdlog::warn("dropped what is no message: {}", received.reason);
      return;
    }
    heard_ = Clock::now();
    std::visit([this](const auto& message) { handle(message); }, *received.message);
  }

  void handle(const wire::Welcome& welcome) {
    if (welcomed()) return;
    restart_contact();
    contact_.epoch = welcome.epoch;
    contact_.heartbeat =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(welcome.heartbeat_s));
    next_sign_ = Clock::now();
    if (config_ != welcome.config) prepare(welcome.config);
    spdlog::info("joined the run at {} (epoch {})", options_.connect, welcome.epoch);
  }

  void handle(const wire::Refuse& refuse) {
    if (refuse.final) throw TransportError(fmt::format("{}: refused: {}", options_.connect, refuse.reason));
    if (!welcomed()) return;
    spdlog::warn("the coordinator dropped this worker ({}); saying hello again", refuse.reason);
    restart_contact();
    next_sign_ = Clock::now();
  }

  void handle(const wire::Model& model) {
    contact_.model = model.values;
    contact_.model_round = model.round;
  }

  void handle(const wire::Task& task) {
    socket_.send(contact_.epoch, wire::Accept{task.task, task.attempt});
    if (contact_.model_round != task.round) {
      socket_.send(contact_.epoch, wire::Failure{task.task, task.attempt,
                                                 fmt::format("expected a task for the model of round {}, got round {}",
                                                             contact_.model_round, task.round)});
    } else if (slots_) {
      submit(task);
    } else {
      contact_.waiting.push_back(task);
    }
  }

  void handle(const wire::Flush& flush) {
    if (contact_.sum) socket_.send(contact_.epoch, contact_.sum->close(flush.round));
  }

  void handle(const wire::Heartbeat&) {}

  void handle(const wire::Drain& drain) {
    socket_.send(contact_.epoch, wire::Bye{"drained"});
    exit_ = WorkerExit{.drained = true, .reason = drain.reason};
  }

  /// What only workers send.
  template <typename Other>
  void handle(const Other&) {
    spdlog::warn("dropped a message that only workers send");
  }

  /// Forgets the model, the tasks and the sums of the present contact.
  void restart_contact() {
    contact_.cancelled->store(true);
    const uint64_t next = contact_.number + 1;
    contact_ = Contact{};
    contact_.number = next;
    start_sum();
  }

  void start_sum() {
    if (plan_ && plan_->protocol.fidelity == Fidelity::fused) {
      contact_.sum.emplace(plan_->protocol.scale_bits);
    }
  }

  /// Makes the plan on a thread of its own, so that heartbeats go on meanwhile.
  void prepare(const std::string& config) {
    config_ = config;
    slots_.reset();
    plan_.reset();
    preparing_ = std::async(std::launch::async, [this, config] {
      std::shared_ptr<const WorkerPlan> plan;
      std::exception_ptr error;
      try {
        plan = std::make_shared<const WorkerPlan>(planner_(config));
      } catch (...) {
        error = std::current_exception();
      }
      mailbox_.put({.contact = 0, .message = {}, .plan = plan, .error = error});
    });
  }

  void start_slots(std::shared_ptr<const WorkerPlan> plan) {
    plan_ = std::move(plan);
    start_sum();
    slots_ = std::make_unique<Slots>(options_.slots, plan_->make_workload, [this](std::exception_ptr error) {
      mailbox_.put({.contact = 0, .message = {}, .plan = {}, .error = error});
    });
    for (const auto& task : std::exchange(contact_.waiting, {})) submit(task);
  }

  /// Hands a task to a slot, with the model, the sum and the cancellation of the present contact.
  void submit(const wire::Task& task) {
    slots_->submit([this, task, plan = plan_, model = contact_.model, number = contact_.number,
                    cancelled = contact_.cancelled](Workload& workload) {
      if (cancelled->load()) return;
      auto result = perform(workload, task, model, *plan, *cancelled);
      if (result) mailbox_.put({.contact = number, .message = std::move(*result), .plan = {}, .error = {}});
    });
  }

  void send_finished() {
    for (auto& finished : mailbox_.take()) {
      if (finished.error) std::rethrow_exception(finished.error);
      if (finished.plan) {
        start_slots(finished.plan);
      } else if (finished.contact == contact_.number && welcomed()) {
        send_result(std::move(finished.message));
      }
    }
  }

  /// In fused fidelity the update goes into the sum instead of the message, here on the socket's thread, so that a sum
  /// never holds a task whose outcome has not been sent before it.
  void send_result(wire::Message message) {
    auto* const outcome = std::get_if<wire::Outcome>(&message);
    if (contact_.sum && outcome && !outcome->update.empty()) {
      try {
        if (!contact_.sum->add(outcome->round, outcome->task, outcome->update.floats(), outcome->weight)) return;
        outcome->update = {};
      } catch (const DataError& error) {
        message = wire::Failure{outcome->task, outcome->attempt, error.what()};
      }
    }
    socket_.send(contact_.epoch, message);
  }

  const WorkerOptions& options_;
  const WorkerPlanner& planner_;
  const std::atomic<bool>& stop_;
  wire::WorkerSocket socket_;
  Mailbox<Finished> mailbox_;
  Contact contact_{};
  std::optional<std::string> config_;  // that the plan was made from
  std::optional<WorkerExit> exit_;
  Clock::time_point heard_;
  Clock::time_point next_sign_{};
  uint64_t sequence_ = 0;
  std::shared_ptr<const WorkerPlan> plan_;
  std::unique_ptr<Slots> slots_;  // before what its jobs use is destroyed
  std::future<void> preparing_;
};

}  // namespace

WorkerExit run_worker(zmq::context_t& context, const WorkerOptions& options,
                      const std::optional<wire::WorkerKeys>& keys, const WorkerPlanner& planner,
                      const std::atomic<bool>& stop) {
  return Worker(context, options, keys, planner, stop).run();
}

}  // namespace archleak::client
