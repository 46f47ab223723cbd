#pragma once
#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>

#include "core/arena.h"
#include "nas/architect.h"
#include "nas/search_network.h"

namespace archleak::test {

/// The reference supernet with its weights loaded by name, its batches and the reference's results.
///
/// Golden values come from the original search network, C=4, 4 layers, run in float32 with PyTorch 1.13 on one thread.
class GoldenSupernet {
 public:
  GoldenSupernet(const std::filesystem::path& folder, torch::ScalarType type, nas::Execution execution);

  /// The stored tensor of this name ("valid/logits"), in float64.
  torch::Tensor expected(const std::string& name) const;
  double expected_number(const std::string& name) const { return index_.at(name).get<double>(); }
  nas::UnrolledStep unrolled_step() const;

  std::shared_ptr<nas::SearchNetwork> network;
  std::unique_ptr<Arena> arena;
  nas::Batch train, valid;

 private:
  nlohmann::json index_;
  torch::Tensor values_;
};

/// |actual - expected| / |expected|, both flattened, in float64.
double relative_error(const torch::Tensor& actual, const torch::Tensor& expected);

}  // namespace archleak::test
