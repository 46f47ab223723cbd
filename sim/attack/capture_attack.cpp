#include "sim/attack/capture_attack.h"

#include <spdlog/fmt/fmt.h>

#include "attacks/reconstruction/first_order.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "nas/dag_network.h"

namespace archleak::sim {
namespace {

at::Generator generator(const CapturedUpdate& update, uint64_t seed, int64_t index) {
  return make_torch_generator(
      {.seed = seed, .round = update.round, .client = update.client, .purpose = "attack", .index = index});
}

attacks::Reconstruction second_order(const CapturedUpdate& update, const std::vector<int64_t>& labels,
                                     const PublicImages& images, const nas::DagNetwork& network,
                                     const CaptureAttackOptions& options) {
  const attacks::DagWeights weights(network);
  auto solver = attacks::recommended_reconstruction(network.options(), update.images());
  solver.restarts = options.restarts;
  const auto observe = [&](const std::vector<int64_t>& supposed) {
    attacks::AlphaObservation observation(weights, supposed, update.gradient,
                                          update.signs ? update.offset : torch::Tensor());
    observation.weigh_images(update.shares());
    if (update.noise.defined()) observation.expect_noise(update.noise);
    if (update.shortened) observation.forget_length(update.offset);
    return observation;
  };
  if (labels.empty()) {
    return attacks::reconstruct_enumerating_labels(
        images.classes(), [&](int64_t label) { return observe({label}); },
        [&](int64_t label) -> const attacks::GaussianPrior& { return images.prior(label); }, solver,
        [&](int64_t label) { return generator(update, options.seed, label); });
  }
  std::vector<attacks::GaussianPrior> priors;
  for (const int64_t label : labels) priors.push_back(images.prior(label));
  return attacks::reconstruct(observe(labels), attacks::join_priors(priors), solver,
                              generator(update, options.seed, 0));
}

attacks::FirstOrderMethod method_of(const std::string& solver) {
  if (solver == "l1") return attacks::FirstOrderMethod::adam_l1;
  if (solver == "l2") return attacks::FirstOrderMethod::adam_l2;
  if (solver == "lbfgs") return attacks::FirstOrderMethod::lbfgs;
  return attacks::FirstOrderMethod::adam_cosine;
}

attacks::Reconstruction first_order(const CapturedUpdate& update, const std::vector<int64_t>& labels,
                                    const PublicImages& images, const CaptureAttackOptions& options) {
  auto& network = *update.target.search;
  network.train();
  const auto& layout = update.target.arena.layout();
  const auto named = network.named_parameters();
  std::vector<torch::Tensor> parameters, gradients;
  for (const auto& entry : layout.entries) {
    if (entry.segment != update.segment) continue;
    parameters.push_back(named[entry.name]);
    gradients.push_back(
        update.gradient.narrow(0, entry.offset - layout.begin(update.segment), entry.size).view(entry.shape));
  }
  auto solver = attacks::recommended_first_order(method_of(options.solver));
  solver.iterations = options.iterations;
  solver.joint_labels = labels.empty();
  solver.restarts = options.restarts;
  solver.shares = update.shares();
  solver.denoise_above = options.denoise ? attacks::kDenoiseAbove : 0;
  const auto shape = images.shape();
  solver.mean = images.mean().view({shape.channels, shape.height, shape.width});
  solver.deviation = images.deviation().view_as(solver.mean);
  const auto assumed = labels.empty() ? std::vector<int64_t>(update.images()) : labels;
  const auto found =
      attacks::match_gradients(network, parameters, gradients, {shape.channels, shape.height, shape.width}, assumed,
                               images.classes(), solver, generator(update, options.seed, 0));
  return {.images = images.inputs(found.images.flatten(1).to(torch::kFloat64)),
          .labels = found.labels,
          .unexplained = found.objective};
}

/// The graph of cells where the second-order solver is to attack it; nothing otherwise.
std::shared_ptr<nas::DagNetwork> second_order_target(const CapturedUpdate& update,
                                                     const CaptureAttackOptions& options) {
  if (options.solver != "automatic" && options.solver != "second_order") return nullptr;
  if (update.segment != Segment::alpha) return nullptr;
  return std::dynamic_pointer_cast<nas::DagNetwork>(update.target.search);
}

}  // namespace

std::string cannot_be_explained(const CapturedUpdate& update, const CaptureAttackOptions& options) {
  if (!update.shortened || second_order_target(update, options)) return {};
  if (method_of(options.solver) == attacks::FirstOrderMethod::adam_cosine && !update.offset.ne(0).any().item<bool>()) {
    return {};
  }
  return "the gradient was clipped, so that its length is not known, which this solver reads";
}

attacks::Reconstruction attack_captured_update(const CapturedUpdate& update, const std::vector<int64_t>& labels,
                                               const PublicImages& images, const CaptureAttackOptions& options) {
  const auto graph = second_order_target(update, options);
  if (options.solver == "second_order" && !graph) {
    throw ConfigError(
        "attack: expected a first-order solver for weights and for a space other than \"graph\", got second_order");
  }
  if (graph) {
    if (labels.empty() && update.images() != 1) {
      throw DataError(
          fmt::format("attack: expected known labels for the {} images behind an update, got none; "
                      "classes are tried one by one for a single image alone",
                      update.images()));
    }
    auto found = second_order(update, labels, images, *graph, options);
    if (options.denoise) {
      const auto pixels = images.images(found.images);
      found.images = images.inputs(pixels.masked_fill(pixels > attacks::kDenoiseAbove, 0));
    }
    return found;
  }
  return first_order(update, labels, images, options);
}

}  // namespace archleak::sim
