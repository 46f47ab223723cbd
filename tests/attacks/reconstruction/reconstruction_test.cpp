#include <gtest/gtest.h>

#include "attacks/reconstruction/image_metrics.h"
#include "attacks/reconstruction/levenberg_marquardt.h"
#include "attacks/reconstruction/posterior_linearisation.h"
#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::attacks {
namespace {

constexpr ExampleShape kShape{1, 12, 12};
constexpr int64_t kLabel = 1;

at::Generator stream(const char* purpose, uint64_t seed = 1) {
  return make_torch_generator({.seed = seed, .purpose = purpose});
}

// Smooth images: a blurred noise that public images and the victim's share.
torch::Tensor smooth_images(int64_t count, uint64_t seed) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  const auto coarse = torch::rand({count, 1, 4, 4}, stream("images", seed), options);
  return torch::upsample_bilinear2d(coarse, {12, 12}, /*align_corners=*/true).flatten(1);
}

struct Target {
  explicit Target(const nas::DagOptions& options)
      : network(nas::make_dag_network(options, kShape, 10, stream("weights"))), weights(*network) {}
  AlphaObservation observe(const torch::Tensor& image) const {
    return {weights, kLabel, AlphaGradients(weights)(image.unsqueeze(0), kLabel)[0]};
  }
  std::shared_ptr<nas::DagNetwork> network;
  DagWeights weights;
};

double similarity(const torch::Tensor& image, const torch::Tensor& original) {
  return structural_similarity(image.view({12, 12}), original.view({12, 12}));
}

TEST(LevenbergMarquardt, FindsTheImageBehindASmoothGraphsGradientWithoutAPrior) {
  const Target target({.cells = 32, .activation = nas::Activation::tanh, .max_pool = false});
  const auto original = smooth_images(1, 9)[0];
  const auto prior = flat_prior(kShape.size());
  const auto fit = levenberg_marquardt(target.observe(original), prior, torch::zeros({prior.size()}, torch::kFloat64),
                                       {.iterations = 12});
  EXPECT_GT(similarity(prior.image(fit.coordinates), original), 0.99);
  EXPECT_LT(fit.residuals.back(), 1e-3 * fit.residuals.front());
}

TEST(LevenbergMarquardt, NeverLeavesTheResidualLargerThanItWas) {
  const Target target({.cells = 12});
  const auto prior = flat_prior(kShape.size());
  const auto fit = levenberg_marquardt(target.observe(smooth_images(1, 9)[0]), prior,
                                       torch::zeros({prior.size()}, torch::kFloat64), {.iterations = 4});
  EXPECT_LE(fit.residuals.back(), fit.residuals.front());
}

TEST(PosteriorLinearisation, FindsTheImageThroughMaxPoolingAndNotThatOfAnotherGradient) {
  const Target target({.cells = 32});
  const auto prior = fit_gaussian_prior(smooth_images(500, 1));
  const auto originals = smooth_images(2, 9);
  const PosteriorOptions options{.stages = {{16, 6}}};
  const auto found = [&](int64_t of) {
    return prior.image(
        linearise_posterior(target.observe(originals[of]), prior, options, stream("samples")).coordinates);
  };
  const double own = similarity(found(0), originals[0]);
  EXPECT_GT(own, 0.8);
  EXPECT_GT(own, similarity(prior.mean, originals[0]) + 0.2);
  EXPECT_GT(own, similarity(found(1), originals[0]) + 0.2);
}

TEST(PosteriorLinearisation, TheSameGeneratorGivesTheSameBits) {
  const Target target({.cells = 8});
  const auto prior = fit_gaussian_prior(smooth_images(100, 1));
  const auto observation = target.observe(smooth_images(1, 9)[0]);
  const PosteriorOptions options{.stages = {{8, 2}}, .samples = 32};
  const auto run = [&] { return linearise_posterior(observation, prior, options, stream("samples")).coordinates; };
  EXPECT_TRUE(run().equal(run()));
}

TEST(GaussianPrior, CoordinatesAreThoseOfTheImage) {
  const auto prior = fit_gaussian_prior(smooth_images(200, 1));
  const auto image = smooth_images(1, 2)[0];
  EXPECT_TRUE(prior.image(prior.coordinates(image)).allclose(image));
  EXPECT_TRUE(torch::mm(prior.components.t(), prior.components).allclose(torch::eye(144, torch::kFloat64)));
  EXPECT_EQ(prior.deviations.min().item<double>(), 0.003);
}

TEST(AlphaObservation, AGradientOfAnotherSizeOrNotFiniteIsRefused) {
  const Target target({.cells = 4});
  EXPECT_THROW(AlphaObservation(target.weights, kLabel, torch::zeros({3})), Error);
  EXPECT_THROW(AlphaObservation(target.weights, 10, torch::zeros({target.weights.alphas()})), Error);
  EXPECT_THROW(AlphaObservation(target.weights, kLabel, torch::full({target.weights.alphas()}, NAN)), Error);
}

}  // namespace
}  // namespace archleak::attacks
