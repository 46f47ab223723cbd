#include "client/workload.h"

#include "core/error.h"

namespace archleak::client {

void ClientTask::check() const {
  if (cancelled && cancelled->load(std::memory_order_relaxed)) throw Cancelled{};
}

ClientOutcome Workload::survey(const ClientTask&) {
  throw DataError("survey: expected a search over sub-networks, got a workload without any");
}

}  // namespace archleak::client
