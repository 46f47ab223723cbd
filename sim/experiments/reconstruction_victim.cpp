#include "sim/experiments/reconstruction_victim.h"

#include <cmath>

#include "core/fixed_point.h"
#include "core/torch_random.h"
#include "defenses/privacy.h"
#include "defenses/secure_aggregation.h"
#include "defenses/update_transform.h"

namespace archleak::sim {
namespace {

constexpr int kScaleBits = 32;
constexpr int64_t kSecureClients = 10;

torch::Tensor flat(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> parts;
  for (const auto& tensor : tensors) parts.push_back(tensor.detach().flatten());
  return torch::cat(parts);
}

std::vector<torch::Tensor> shaped(const torch::Tensor& values, const std::vector<torch::Tensor>& like) {
  std::vector<torch::Tensor> result;
  int64_t offset = 0;
  for (const auto& tensor : like) {
    result.push_back(values.narrow(0, offset, tensor.numel()).view_as(tensor));
    offset += tensor.numel();
  }
  return result;
}

/// The client's computation: what it would send without defences, `[values]`.
torch::Tensor compute_update(nas::DagNetwork& network, const std::vector<torch::Tensor>& parameters,
                             const torch::Tensor& images, const torch::Tensor& labels,
                             const ReconstructionSettings::Attack& attack) {
  const auto gradient = [&](const std::vector<torch::Tensor>& of) {
    return torch::autograd::grad({torch::cross_entropy_loss(network.forward(images), labels)}, of);
  };
  if (attack.observation == ObservedUpdate::gradient || attack.observation == ObservedUpdate::gradient_and_weights) {
    return flat(gradient(parameters));
  }
  const auto start = flat(parameters).clone();
  std::vector<torch::Tensor> weights;
  for (const auto& item : network.named_parameters()) {
    if (!network.is_alpha(item.key())) weights.push_back(item.value());
  }
  const auto step = [&](const std::vector<torch::Tensor>& of, double lr, bool adam) {
    const auto gradients = gradient(of);
    const torch::NoGradGuard no_grad;
    for (size_t i = 0; i < of.size(); ++i) {
      const auto by = adam ? gradients[i] / (gradients[i].abs() + attacks::AlphaUpdate{}.epsilon) : gradients[i];
      const_cast<torch::Tensor&>(of[i]).sub_(by, lr);
    }
  };
  const bool adam = attack.observation == ObservedUpdate::adam_delta;
  for (int64_t i = 0; i < attack.local_steps; ++i) {
    step(parameters, adam ? attack.adam_lr : attack.sgd_lr, adam);
    if (i + 1 < attack.local_steps) step(weights, attack.weights_lr, /*adam=*/false);
  }
  const auto end = flat(parameters).clone();
  return attack.observation == ObservedUpdate::weights ? end : end - start;
}

/// What is left of it on the wire under secure aggregation: a masked vector of the fixed-point ring, read as if it were
/// none.
void mask(std::vector<float>& values, uint64_t seed) {
  defenses::SecureRoster roster{.session = 1, .round = 0, .threshold = kSecureClients / 2 + 1, .participants = {}};
  std::vector<int64_t> members;
  for (int64_t client = 0; client < kSecureClients; ++client) {
    roster.participants.push_back(defenses::introduce(client, defenses::simulated_secrets(seed, 1, 0, client)));
    members.push_back(client);
  }
  FixedPointSum own(values.size(), kScaleBits);
  own.add(values, 1);
  std::vector<uint64_t> ring(own.sums().begin(), own.sums().end());
  defenses::SecureClient(0, defenses::simulated_secrets(seed, 1, 0, 0), roster).mask(ring, members);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(std::ldexp(static_cast<double>(static_cast<int64_t>(ring[i])), -kScaleBits));
  }
}

/// The defences and the channel, on float32 as a client does.
torch::Tensor protect(const torch::Tensor& update, const torch::Tensor& start, const ReconstructionSettings& settings,
                      int64_t weights, uint64_t seed) {
  const auto& attack = settings.attack;
  const auto defense = defenses::UpdateDefense(settings.defense, settings.clip_noise_std());
  if (defense.empty() && attack.channel != Channel::secure_aggregation) return update;
  const bool values = attack.observation == ObservedUpdate::weights;
  const auto difference = (values ? update - start : update).to(torch::kFloat32).contiguous();
  std::vector<float> floats(difference.data_ptr<float>(), difference.data_ptr<float>() + difference.numel());
  defense.apply(floats, {.weights = weights, .alpha = difference.numel() - weights}, {.seed = seed});
  if (attack.channel == Channel::secure_aggregation) mask(floats, seed);
  const auto result = torch::tensor(floats, torch::kFloat32).to(update.scalar_type());
  return values ? start + result : result;
}

}  // namespace

Victim make_victim(const ReconstructionSettings& settings, const VictimImages& images, int64_t classes, uint64_t seed) {
  const auto& attack = settings.attack;
  Victim victim;
  RandomEngine engine = make_engine({.seed = seed, .purpose = "victims"});
  std::vector<torch::Tensor> batch;
  for (int64_t b = 0; b < attack.batch; ++b) {
    victim.indices.push_back(uniform_index(images.size(), engine));
    victim.labels.push_back(images.label(victim.indices.back()));
    batch.push_back(images.image(victim.indices.back()));
  }
  victim.images = torch::stack(batch);
  if (attack.observation == ObservedUpdate::nothing) return victim;
  const auto draw = [&] {
    return nas::make_dag_network(settings.graph, images.shape(), classes,
                                 make_torch_generator({.seed = seed, .purpose = "initial weights"}));
  };
  victim.wire.network = draw();

  // The client works on a copy, so that the broadcast model stays as it was.
  const auto local = draw();
  const auto type = attack.float32 ? torch::kFloat32 : torch::kFloat64;
  local->to(type);
  const auto sent_of = [&](nas::DagNetwork& network) {
    std::vector<torch::Tensor> weights, alphas = network.alphas();
    if (attack.observation == ObservedUpdate::gradient_and_weights) {
      for (const auto& item : network.named_parameters()) {
        if (!network.is_alpha(item.key())) weights.push_back(item.value());
      }
    }
    weights.insert(weights.end(), alphas.begin(), alphas.end());
    return weights;
  };
  victim.wire.parameters = sent_of(*victim.wire.network);
  const auto parameters = sent_of(*local);
  const auto shape = images.shape();
  const auto input = victim.images.to(type).view({attack.batch, shape.channels, shape.height, shape.width});
  const auto start = flat(parameters).clone();
  const auto update = compute_update(*local, parameters, input, torch::tensor(victim.labels), attack);
  int64_t weights = start.numel();
  for (const auto& alpha : local->alphas()) weights -= alpha.numel();
  victim.wire.sent = shaped(protect(update, start, settings, weights, seed), victim.wire.parameters);

  using attacks::AlphaUpdateKind;
  const bool adam = attack.observation == ObservedUpdate::adam_delta;
  const bool sgd = attack.observation == ObservedUpdate::sgd_delta || attack.observation == ObservedUpdate::weights;
  victim.wire.reading = {.kind = adam  ? AlphaUpdateKind::adam
                                 : sgd ? AlphaUpdateKind::sgd
                                       : AlphaUpdateKind::gradient,
                         .lr = adam ? attack.adam_lr : attack.sgd_lr,
                         .steps = attack.local_steps};
  return victim;
}

}  // namespace archleak::sim
