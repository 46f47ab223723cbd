#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "attacks/membership/signals.h"

namespace archleak::attacks {

struct NetworkAttackOptions {
  int64_t hidden = 64;  ///< units of the first hidden layer; half as many in the second
  int64_t epochs = 100;
  int64_t batch_size = 64;
  double lr = 0.05;  ///< of SGD with momentum 0.9
  uint64_t seed = 1;
};

/// Is given the scores that the network has for the target, `[samples]`, after each epoch: 1, 2, ...
using AfterEpoch = std::function<void(int64_t epoch, const std::vector<double>& scores)>;

/// The attack by a network that learns on a shadow model who was a member (Shokri et al. 2017; with one shadow model
/// and one network for all classes, Salem et al. 2019, adversary 1): three layers with ReLU, trained by SGD on the
/// sorted log-probabilities (the ten largest) and that of the label, each with the shadow's mean and deviation taken
/// off. The shadow's members weigh as much as its non-members, however many there are of each. Returns log-odds of
/// being a member where both are equally likely beforehand, [samples]: at least 0 says "member". They are those after
/// the last epoch, whether or not `after_epoch` is there. Deterministic in the seed. Throws DataError for signals that
/// `check_signals` refuses, other numbers of classes, or a shadow without both kinds.
std::vector<double> network_attack(const Signals& shadow, const Signals& target,
                                   const NetworkAttackOptions& options = {}, const AfterEpoch& after_epoch = {});

}  // namespace archleak::attacks
