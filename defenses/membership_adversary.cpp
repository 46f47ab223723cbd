#include "defenses/membership_adversary.h"

#include <spdlog/fmt/fmt.h>

#include <cstring>

#include "core/error.h"
#include "models/initialise.h"

namespace archleak::defenses {
MembershipAdversary::MembershipAdversary(int64_t classes, const AdversarialOptions& options)
    : network_(std::make_shared<InferenceNetwork>(classes, options)),
      arena_(Arena::adopt(*network_)),
      optimizer_({.kind = OptimizerKind::adam, .lr = options.lr}, arena_.layout().weights) {}

void MembershipAdversary::reset(const at::Generator& init) {
  models::initialise(*network_, init);
  optimizer_.reset();
}

double MembershipAdversary::ascend(const Answers& members, const Answers& others) {
  arena_.gradients().zero_();
  // log(1 - sigmoid(x)) = log sigmoid(-x).
  const torch::Tensor gain = 0.5 * torch::log_sigmoid(network_->forward(members.probabilities, members.labels)).mean() +
                             0.5 * torch::log_sigmoid(-network_->forward(others.probabilities, others.labels)).mean();
  (-gain).backward();
  optimizer_.step(arena_.segment(Segment::weights), arena_.gradient(Segment::weights));
  return gain.item<double>();
}

torch::Tensor MembershipAdversary::mean_log_membership(const Answers& members) {
  return torch::log_sigmoid(network_->forward(members.probabilities, members.labels)).mean();
}

std::string MembershipAdversary::save() const {
  const auto weights = arena_.floats();
  return std::string(reinterpret_cast<const char*>(weights.data()), weights.size_bytes()) + optimizer_.save();
}

void MembershipAdversary::load(std::string_view bytes) {
  const auto weights = arena_.floats();
  if (bytes.size() < weights.size_bytes()) {
    throw DataError(
        fmt::format("inference network: expected at least {} bytes, got {}", weights.size_bytes(), bytes.size()));
  }
  optimizer_.load(bytes.substr(weights.size_bytes()));
  std::memcpy(weights.data(), bytes.data(), weights.size_bytes());
}

}  // namespace archleak::defenses
