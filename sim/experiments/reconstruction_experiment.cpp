#include "sim/experiments/reconstruction_experiment.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "attacks/reconstruction/expected_noise.h"
#include "attacks/reconstruction/first_order.h"
#include "attacks/reconstruction/local_steps.h"
#include "attacks/reconstruction/reconstruct.h"
#include "core/torch_random.h"
#include "sim/attack/image_artefact.h"
#include "sim/experiments/reconstruction_data.h"
#include "sim/experiments/reconstruction_victim.h"

namespace archleak::sim {
namespace {

constexpr int64_t kOthers = 99;
constexpr double kClear = 0.9;  // structural similarity above which a reconstruction is called clear

/// What an attack works from: the wire, public images, and the labels if they are known to it.
struct Attacker {
  const ReconstructionSettings& settings;
  const PublicImages& data;
  const WireUpdate& wire;  ///< of a network whose weights are not read unless they are known
  std::vector<int64_t> labels;
  uint64_t seed;

  /// The target as the attacker has it: the broadcast model, or one with weights of its own.
  std::shared_ptr<nas::DagNetwork> network() const {
    if (settings.attack.weights_known) return wire.network;
    auto own = nas::make_dag_network(settings.graph, data.shape(), data.classes(),
                                     make_torch_generator({.seed = seed, .purpose = "the attacker's weights"}));
    const torch::NoGradGuard no_grad;
    const auto to = own->alphas(), from = wire.network->alphas();  // alpha is known all the same
    for (size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
    return own;
  }

  attacks::GaussianPrior prior(int64_t label) const {
    return settings.attack.prior == Prior::basis ? data.prior(label) : attacks::flat_prior(data.shape().size());
  }

  at::Generator generator(int64_t label) const {
    return make_torch_generator({.seed = seed, .purpose = "attack", .index = label});
  }
};

attacks::Reconstruction no_observation(const Attacker& attacker) {
  attacks::Reconstruction guess{.images = {}, .labels = attacker.labels};
  std::vector<torch::Tensor> images;
  for (const int64_t label : guess.labels) images.push_back(attacker.prior(label).mean);
  guess.images = torch::stack(images);
  return guess;
}

attacks::Reconstruction second_order_attack(const Attacker& attacker) {
  const auto& attack = attacker.settings.attack;
  const auto network = attacker.network();
  const attacks::DagWeights weights(*network);
  std::vector<torch::Tensor> alphas, sent;
  for (const auto& alpha : attacker.wire.network->alphas()) alphas.push_back(alpha.detach().flatten());
  for (const auto& update : attacker.wire.sent) sent.push_back(update.flatten());
  auto read = torch::cat(sent).to(torch::kFloat64);
  const auto before = torch::cat(alphas).to(torch::kFloat64);
  if (attack.observation == ObservedUpdate::weights) read = read - before;
  const auto gradient = attacks::alpha_gradient_from(read, before, attacker.wire.reading);
  const bool adam = attacker.wire.reading.kind == attacks::AlphaUpdateKind::adam;
  const auto sign_offset = adam ? torch::zeros_like(before) : torch::Tensor();
  torch::Tensor noise;
  const bool shortened =
      attack.solver == Solver::adaptive && !adam && attacker.settings.defense.has(defenses::Transform::clip_noise);
  if (attack.solver == Solver::adaptive) {
    noise = attacks::expected_gradient_noise(attacker.settings.defense, attacker.settings.clip_noise_std(), read,
                                             before, attacker.wire.reading);
  }

  auto options = attacks::recommended_reconstruction(attacker.settings.graph, attack.batch);
  options.restarts = attack.restarts;
  if (attack.solver == Solver::levenberg_marquardt) {
    options.posterior.stages.clear();
    options.refine.iterations = 10;
  }
  const auto observe = [&](const std::vector<int64_t>& labels) {
    attacks::AlphaObservation observation(weights, labels, gradient, sign_offset);
    if (noise.defined()) observation.expect_noise(noise);
    if (shortened) observation.forget_length();
    return observation;
  };
  if (attack.label == LabelKnowledge::enumerated) {
    std::map<int64_t, attacks::GaussianPrior> priors;
    for (int64_t label = 0; label < attacker.data.classes(); ++label) priors.emplace(label, attacker.prior(label));
    return attacks::reconstruct_enumerating_labels(
        attacker.data.classes(), [&](int64_t label) { return observe({label}); },
        [&](int64_t label) -> const attacks::GaussianPrior& { return priors.at(label); }, options,
        [&](int64_t label) { return attacker.generator(label); });
  }
  std::vector<attacks::GaussianPrior> priors;
  for (const int64_t label : attacker.labels) priors.push_back(attacker.prior(label));
  if (attack.local_steps > 1) {
    return attacks::reconstruct_through_steps(
        {.network = *network,
         .labels = attacker.labels,
         .gradient = gradient,
         .noise = noise,
         .steps = {.count = attack.local_steps, .alpha_lr = attack.sgd_lr, .weights_lr = attack.weights_lr}},
        attacks::join_priors(priors), options, attacker.generator(0));
  }
  return attacks::reconstruct(observe(attacker.labels), attacks::join_priors(priors), options, attacker.generator(0));
}

attacks::FirstOrderMethod method_of(Solver solver) {
  switch (solver) {
    case Solver::adam_cosine:
      return attacks::FirstOrderMethod::adam_cosine;
    case Solver::adam_l1:
      return attacks::FirstOrderMethod::adam_l1;
    case Solver::lbfgs:
      return attacks::FirstOrderMethod::lbfgs;
    default:
      return attacks::FirstOrderMethod::adam_l2;
  }
}

attacks::Reconstruction first_order_attack(const Attacker& attacker) {
  const auto& attack = attacker.settings.attack;
  const auto network = attacker.network();
  std::vector<torch::Tensor> parameters, sent;
  auto labels = attacker.labels;
  const auto head_bias = network->named_parameters()["head.bias"];
  for (const auto& item : network->named_parameters()) {
    if (!network->is_alpha(item.key()) && attack.observation == ObservedUpdate::gradient_and_weights) {
      parameters.push_back(item.value());
    }
  }
  for (const auto& alpha : network->alphas()) parameters.push_back(alpha);
  for (size_t i = 0; i < attacker.wire.sent.size(); ++i) {
    const auto before = attacker.wire.parameters[i].detach().flatten();
    auto read = attacker.wire.sent[i].flatten();
    if (attack.observation == ObservedUpdate::weights) read = read - before;
    sent.push_back(attacks::alpha_gradient_from(read, before, attacker.wire.reading));
    const bool head = parameters[i].is_same(head_bias);
    if (head && attack.label == LabelKnowledge::inferred) labels = {attacks::label_from_head_gradient(sent.back())};
  }
  auto options = attacks::recommended_first_order(method_of(attack.solver));
  options.iterations = attack.iterations;
  options.total_variation = attack.prior == Prior::total_variation ? 1e-2 : 0;
  options.joint_labels = attack.label == LabelKnowledge::joint;
  options.denoise_above = attack.denoise ? attacks::kDenoiseAbove : 0;
  options.restarts = attack.restarts;
  const auto shape = attacker.data.shape();
  const auto found = attacks::match_gradients(*network, parameters, sent, {shape.channels, shape.height, shape.width},
                                              labels, attacker.data.classes(), options, attacker.generator(0));
  return {.images = found.images.flatten(1), .labels = found.labels, .unexplained = found.objective};
}

attacks::Reconstruction attack(const Attacker& attacker) {
  const auto& options = attacker.settings.attack;
  if (options.channel == Channel::curve || options.observation == ObservedUpdate::nothing) {
    return no_observation(attacker);
  }
  if (first_order(options.solver)) {
    return first_order_attack(attacker);
  }
  auto found = second_order_attack(attacker);
  if (options.denoise) found.images.masked_fill_(found.images > attacks::kDenoiseAbove, 0);
  return found;
}

TrialResult run_trial(const TrialRequest& request) {
  at::set_num_threads(1);  // trials run side by side
  ReconstructionSettings settings;
  describe(request.settings, settings);
  const auto data = ReconstructionData::load(settings.data);
  const auto shape = data->open.shape();
  attacks::expect_large_enough(shape);
  const auto recogniser = data->recogniser(settings.success.classifier);
  const Victim victim = make_victim(settings, data->victims, data->open.classes(), request.seed);
  const bool labels_known = settings.attack.label == LabelKnowledge::known;

  const auto start = std::chrono::steady_clock::now();
  const auto found = attack({settings, data->open, victim.wire,
                             labels_known ? victim.labels : std::vector<int64_t>(victim.labels.size()), request.seed});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  const auto set_beside = attacks::assign_to_originals(found.images.clamp(0, 1), victim.images);
  const attacks::SuccessOptions criteria{.similarity = settings.success.similarity,
                                         .probability = settings.success.probability};
  const auto verdict = [&](const torch::Tensor& image, int64_t of) {
    return attacks::judge(image, victim.images[of], data->victims.same_class(victim.indices[of], kOthers), shape,
                          victim.labels[of], recogniser, criteria);
  };
  // What the attack gives away by chance: these reconstructions, had the first victim been another of its class.
  const auto null_verdict = [&]() -> std::optional<attacks::Verdict> {
    auto engine = make_engine({.seed = request.seed, .purpose = "null image"});
    const auto other = data->victims.another(victim.indices[0], engine);
    if (!other) return std::nullopt;
    auto supposed = victim.images.clone();
    supposed[0].copy_(data->victims.image(*other));
    const auto beside = attacks::assign_to_originals(found.images.clamp(0, 1), supposed);
    const auto b = std::find(beside.begin(), beside.end(), 0) - beside.begin();
    return attacks::judge(found.images[b], supposed[0],
                          data->victims.same_class(*other, kOthers, /*without=*/victim.indices[0]), shape,
                          victim.labels[0], recogniser, criteria);
  };
  TrialResult result;
  double successes = 0, right_labels = 0;
  for (int64_t b = 0; b < settings.attack.batch; ++b) {
    const int64_t of = set_beside[b];
    const auto own = verdict(found.images[b], of);
    successes += own.success();
    right_labels += found.labels[b] == victim.labels[of];
    if (of != 0) continue;
    result.figures = {{"success", own.success()},
                      {"recognised", own.recognised},
                      {"identified", own.identified},
                      {"ssim", own.ssim},
                      {"mse", own.mse},
                      {"psnr", own.psnr},
                      {"correlation", own.correlation},
                      {"nearer", own.nearer},
                      {"clear", own.ssim > kClear}};
    if (own.probability) result.figures["probability"] = *own.probability;
    if (const auto null = null_verdict()) {
      result.figures["null_success"] = null->success();
      result.figures["null_ssim"] = null->ssim;
      result.figures["ssim_gain"] = own.ssim - null->ssim;
    }
    result.artefacts = {image_artefact("original", victim.images[0], shape),
                        image_artefact("reconstruction", found.images[b], shape)};
  }
  const auto mean = verdict(data->open.prior(victim.labels[0]).mean, 0);
  result.figures["mean_success"] = mean.success();
  result.figures["mean_ssim"] = mean.ssim;
  result.figures["batch_success"] = successes / static_cast<double>(settings.attack.batch);
  result.figures["right_labels"] = right_labels / static_cast<double>(settings.attack.batch);
  result.figures["unexplained"] = found.unexplained;
  result.figures["seconds"] = seconds.count();
  return result;
}

}  // namespace

Experiment reconstruction_experiment() {
  return {.name = "reconstruction",
          .version = 6,
          .description = "an eavesdropper rebuilds a client's images from its architecture gradient (ADRA)",
          .figures = {"success", "recognised", "identified", "ssim", "mse", "psnr", "correlation", "nearer", "clear",
                      "probability", "null_success", "null_ssim", "ssim_gain", "mean_success", "mean_ssim",
                      "batch_success", "right_labels", "unexplained", "seconds"},
          .describe =
              [](Config& config) {
                ReconstructionSettings settings;
                describe(config, settings);
              },
          .run = run_trial};
}

}  // namespace archleak::sim
