#include "client/workload.h"

namespace archleak::client {

void ClientTask::check() const {
  if (cancelled && cancelled->load(std::memory_order_relaxed)) throw Cancelled{};
}

}  // namespace archleak::client
