#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "client/workload.h"
#include "wire/message.h"

namespace archleak::client {

/// A simulated client's part in secure aggregation (defenses/secure_aggregation.h). Its keys are derived from the run's
/// seed, so that any worker can stand for it at any time.

/// The answer to a task of kind share_keys or reveal. Throws ProtocolError for an instruction that is not of this
/// client and round.
wire::Outcome answer_secure_task(const wire::Task& task, uint64_t seed);

/// What a training task under secure aggregation tells the workload: its instruction is about masks, with this inside.
/// Throws ProtocolError for an instruction that is none.
std::string training_instruction(const wire::Task& task);

/// `update`, counted `weight` times in fixed point, masked as the task's instruction says: int64 modulo 2^64. Throws
/// DataError for an update with which the sum of all might overflow, and ProtocolError as above.
wire::Payload mask_update(const wire::Task& task, std::span<const float> update, int64_t weight,
                          const WorkerPlan& plan);

}  // namespace archleak::client
