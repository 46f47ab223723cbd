#include "client/secure_tasks.h"

#include <spdlog/fmt/fmt.h>

#include <limits>

#include "core/error.h"
#include "core/fixed_point.h"
#include "defenses/secure_messages.h"

namespace archleak::client {
namespace {

/// What the task says, and the client that it says it to.
struct Instructed {
  Instructed(const wire::Task& task, uint64_t seed)
      : instruction(defenses::decode_instruction(task.instruction)),
        client(task.client, defenses::simulated_secrets(seed, instruction.roster.session, task.round, task.client),
               instruction.roster) {
    if (instruction.roster.round != task.round) {
      throw ProtocolError(fmt::format("secure aggregation: expected an instruction for round {}, got round {}",
                                      task.round, instruction.roster.round));
    }
  }
  defenses::SecureInstruction instruction;
  defenses::SecureClient client;
};

}  // namespace

wire::Outcome answer_secure_task(const wire::Task& task, uint64_t seed) {
  const auto [instruction, client] = Instructed(task, seed);
  wire::Outcome outcome{
      .task = task.task, .attempt = task.attempt, .round = task.round, .kind = task.kind, .client = task.client};
  outcome.answer =
      task.kind == wire::TaskKind::share_keys
          ? defenses::encode_sealed(client.seal_shares())
          : defenses::encode_shares(client.reveal(instruction.members, instruction.survivors, instruction.sealed));
  return outcome;
}

std::string training_instruction(const wire::Task& task) {
  return defenses::decode_instruction(task.instruction).training;
}

wire::Payload mask_update(const wire::Task& task, std::span<const float> update, int64_t weight,
                          const WorkerPlan& plan) {
  const auto [instruction, client] = Instructed(task, plan.seed);
  FixedPointSum sum(update.size(), plan.protocol.scale_bits);
  sum.add(update, weight);
  const int64_t most = std::numeric_limits<int64_t>::max() / std::ssize(instruction.roster.participants);
  if (sum.bound() > most) {
    throw DataError(fmt::format(
        "secure aggregation: expected weighted values whose sum over {} clients fits into 63 bits at scale 2^{}, got "
        "larger ones (lower the scale or normalise the updates)",
        instruction.roster.participants.size(), plan.protocol.scale_bits));
  }
  std::vector<int64_t> masked(sum.sums().begin(), sum.sums().end());
  // The ring's numbers are unsigned; int64 has the same bytes.
  client.mask({reinterpret_cast<uint64_t*>(masked.data()), masked.size()}, instruction.members);
  return wire::Payload::own(std::move(masked));
}

}  // namespace archleak::client
