#include "tests/wire/samples.h"

#include <limits>

namespace archleak::wire::test {

std::vector<Message> sample_messages() {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  const std::string binary("\0\xff\n\x7f", 4);
  return {
      Hello{.worker = "worker 2", .slots = 4, .program_version = "0.1.0", .session = 17},
      Welcome{.epoch = 18, .config = "[search]\nrounds = 3\n", .heartbeat_s = 0.5, .lease_s = 5, .layout = "a1b2"},
      Refuse{.reason = "expected protocol version 4, got 5", .final = false},
      Model{.round = 3, .values = Payload::own(std::vector<float>{1.5f, -0.0f, 3e38f})},
      Task{.task = 9,
           .attempt = 1,
           .round = 3,
           .kind = TaskKind::evaluate,
           .client = 5,
           .first = 100,
           .last = 200,
           .instruction = binary,
           .client_state = "state"},
      Accept{.task = 9, .attempt = 1},
      Outcome{.task = 9,
              .attempt = 1,
              .round = 3,
              .kind = TaskKind::share_keys,
              .client = 5,
              .weight = 600,
              .metrics = {{"loss", 0.25}, {"accuracy", 0.75}},
              .client_state = binary,
              .answer = "shares",
              .update = Payload::own(std::vector<float>{0.5f, 0.25f})},
      Failure{.task = 9, .attempt = 2, .reason = "client 5: expected 10 examples, got 0"},
      Flush{.round = 3},
      PartialSum{.round = 3,
                 .tasks = {1, 2, 9},
                 .weight = 1800,
                 .bound = 1 << 30,
                 .scale_bits = 32,
                 .sums = Payload::own(std::vector<int64_t>{kMost, -1})},
      Heartbeat{.sequence = 77},
      Drain{.reason = "the run is over"},
      Bye{.reason = "SIGTERM"},
      Hello{},
      Model{.round = kLeast, .values = {}},
      Outcome{.client = kMost, .weight = kLeast},
      PartialSum{},
      Failure{.reason = std::string(5000, 'x')},
      Outcome{.answer = binary, .masked = true, .update = Payload::own(std::vector<int64_t>{kLeast, kMost})},
      Task{.kind = TaskKind::reveal, .client = 3, .instruction = binary},
  };
}

}  // namespace archleak::wire::test
