#pragma once
#include <atomic>
#include <optional>

#include "client/workload.h"
#include "wire/message.h"

namespace archleak::client {

/// Does a task on a slot's workload: its outcome, or a Failure that says what went wrong; nothing if it was cancelled
/// on the way. `model` is the one that the task is about.
std::optional<wire::Message> perform(Workload& workload, const wire::Task& task, const wire::Payload& model,
                                     const WorkerPlan& plan, const std::atomic<bool>& cancelled);

}  // namespace archleak::client
