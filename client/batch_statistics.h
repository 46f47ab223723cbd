#pragma once
#include "models/batch_norm.h"
#include "models/network.h"

namespace archleak::client {

/// Normalises by the batch at hand, and leaves the running statistics, while in scope; `afterwards` is what
/// models::use_batch_statistics is set to then.
class BatchStatistics {
 public:
  BatchStatistics(models::Network& network, bool afterwards) : network_(network), afterwards_(afterwards) {
    models::use_batch_statistics(network_, true);
  }
  ~BatchStatistics() { models::use_batch_statistics(network_, afterwards_); }
  BatchStatistics(const BatchStatistics&) = delete;
  BatchStatistics& operator=(const BatchStatistics&) = delete;

 private:
  models::Network& network_;
  bool afterwards_;
};

}  // namespace archleak::client
