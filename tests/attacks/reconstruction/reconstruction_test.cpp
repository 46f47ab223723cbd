#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attacks/reconstruction/alpha_update.h"
#include "attacks/reconstruction/image_metrics.h"
#include "attacks/reconstruction/levenberg_marquardt.h"
#include "attacks/reconstruction/local_steps.h"
#include "attacks/reconstruction/posterior_linearisation.h"
#include "attacks/reconstruction/reconstruct.h"
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
    return {weights, {kLabel}, AlphaGradients(weights)(image.unsqueeze(0), kLabel)[0]};
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

TEST(PosteriorLinearisation, AnObservationThatTheModelCannotExplainDoesNotDriveItAway) {
  const Target target({.cells = 16});
  const auto prior = fit_gaussian_prior(smooth_images(200, 1));
  const auto gradient = AlphaGradients(target.weights)(smooth_images(1, 9), kLabel)[0];
  for (const double size : {1.0, 1e3, 1e12}) {
    const auto masked = size * torch::randn(gradient.sizes(), stream("mask"), gradient.options());
    const AlphaObservation observation(target.weights, {kLabel}, masked);
    const auto found = linearise_posterior(observation, prior, {.stages = {{16, 6}}}, stream("samples"));
    EXPECT_LE(observation.unexplained(prior.image(found.coordinates)),
              std::max(1.0, 2 * observation.unexplained(prior.mean)))
        << size;
  }
}

TEST(PosteriorLinearisation, WithoutAPriorEveryPixelIsEstimated) {
  const Target target({.cells = 16});
  const auto prior = flat_prior(kShape.size());
  const auto found = linearise_posterior(target.observe(smooth_images(1, 9)[0]), prior,
                                         {.stages = {{10, 1}}, .samples = 32}, stream("samples"));
  EXPECT_EQ(found.spread.size(0), kShape.size());
  EXPECT_TRUE((found.coordinates != 0).all().item<bool>());
}

TEST(Reconstruct, RestartsBeginElsewhereAndTheBestExplanationIsKept) {
  const Target target({.cells = 12});
  const auto prior = fit_gaussian_prior(smooth_images(200, 1));
  const auto observation = target.observe(smooth_images(1, 9)[0]);
  ReconstructionOptions options;
  options.posterior.stages.clear();  // Levenberg-Marquardt alone, which draws nothing on its way
  options.refine.iterations = 2;
  const auto run = [&](int64_t restarts) {
    options.restarts = restarts;
    return reconstruct(observation, prior, options, stream("restarts"));
  };
  EXPECT_LT(run(8).unexplained, run(1).unexplained);
  EXPECT_TRUE(run(8).images.equal(run(8).images));
}

TEST(GaussianPrior, CoordinatesAreThoseOfTheImage) {
  const auto prior = fit_gaussian_prior(smooth_images(200, 1));
  const auto image = smooth_images(1, 2)[0];
  EXPECT_TRUE(prior.image(prior.coordinates(image)).allclose(image));
  EXPECT_TRUE(torch::mm(prior.components.t(), prior.components).allclose(torch::eye(144, torch::kFloat64)));
  EXPECT_EQ(prior.deviations.min().item<double>(), 0.003);
}

TEST(GaussianPrior, OfABatchHasEveryImagesComponentsByDeviation) {
  const std::vector<GaussianPrior> each{fit_gaussian_prior(smooth_images(200, 1)),
                                        fit_gaussian_prior(smooth_images(200, 2))};
  const auto joined = join_priors(each);
  EXPECT_TRUE((joined.deviations.diff() <= 0).all().item<bool>());
  const auto images = smooth_images(2, 3);
  EXPECT_TRUE(joined.image(joined.coordinates(images.flatten())).allclose(images.flatten()));
  EXPECT_NEAR(joined.coordinates(images.flatten()).norm().item<double>(),
              std::hypot(each[0].coordinates(images[0]).norm().item<double>(),
                         each[1].coordinates(images[1]).norm().item<double>()),
              1e-9);
}

TEST(AlphaObservation, PredictsTheMeanGradientOfABatchAndItsDifferential) {
  const Target target({.cells = 6, .activation = nas::Activation::tanh, .max_pool = false});
  const auto images = smooth_images(2, 9);
  const AlphaObservation both(target.weights, {1, 4}, torch::zeros({target.weights.alphas()}));
  const AlphaGradients gradients(target.weights);
  const auto mean = (gradients(images.slice(0, 0, 1), 1) + gradients(images.slice(0, 1), 4)) / 2;
  const AlphaObservation seen(target.weights, {1, 4}, mean);
  const auto flat = images.flatten();
  EXPECT_TRUE(both.predict(flat.unsqueeze(0))[0].allclose(seen.observed(), 1e-9, 1e-12));
  EXPECT_LT(seen.unexplained(flat), 1e-6);
  EXPECT_EQ(seen.unexplained(flat * NAN), std::numeric_limits<double>::infinity());
  EXPECT_GT(seen.unexplained(flat.flip(0)), 1e-2);

  const auto directions = torch::eye(288, torch::kFloat64).slice(1, 100, 200);
  const auto at = both.linearise(flat, directions);
  const double step = 1e-5;
  for (const int64_t column : {0, 70}) {
    const auto moved = flat + step * directions.select(1, column), back = flat - step * directions.select(1, column);
    const auto difference = (both.predict(moved.unsqueeze(0)) - both.predict(back.unsqueeze(0)))[0] / (2 * step);
    EXPECT_TRUE(at.jacobian.select(1, column).allclose(difference, 1e-4, 1e-9));
  }
}

TEST(AlphaObservation, ImagesOfASmallerBatchHaveALargerShareOfAMeanOverBatches) {
  const Target target({.cells = 6, .activation = nas::Activation::tanh, .max_pool = false});
  const auto images = smooth_images(3, 9);
  const AlphaGradients gradients(target.weights);
  const auto one = [&](int64_t b) { return gradients(images.slice(0, b, b + 1), b); };
  const auto of_steps = ((one(0) + one(1)) / 2 + one(2)) / 2;
  AlphaObservation seen(target.weights, {0, 1, 2}, of_steps);
  const auto flat = images.flatten();
  EXPECT_GT(seen.unexplained(flat), 1e-2) << "as one batch of three";
  seen.weigh_images({0.25, 0.25, 0.5});
  EXPECT_LT(seen.unexplained(flat), 1e-9);
  const auto at = seen.linearise(flat, torch::eye(432, torch::kFloat64).slice(1, 300, 310));
  EXPECT_TRUE(at.gradient.allclose(seen.observed()));
  EXPECT_TRUE(at.jacobian.allclose(AlphaObservation(target.weights, {2}, one(2))
                                       .linearise(images[2], torch::eye(144, torch::kFloat64))
                                       .jacobian.slice(1, 12, 22) /
                                   2));
  EXPECT_THROW(seen.weigh_images({1}), Error);
}

TEST(Reconstruct, FindsBothImagesOfABatch) {
  const Target target({.cells = 32, .activation = nas::Activation::tanh, .max_pool = false});
  const auto originals = smooth_images(2, 9);
  const AlphaGradients gradients(target.weights);
  const auto gradient = (gradients(originals.slice(0, 0, 1), 1) + gradients(originals.slice(0, 1), 4))[0] / 2;
  const auto prior = fit_gaussian_prior(smooth_images(500, 1));
  const auto found = reconstruct(AlphaObservation(target.weights, {1, 4}, gradient), join_priors({prior, prior}),
                                 {.posterior = {.stages = {{32, 4}}}, .refine = {.iterations = 5}}, stream("samples"));
  EXPECT_EQ(found.labels, (std::vector<int64_t>{1, 4}));
  for (const int64_t b : {0, 1}) EXPECT_GT(similarity(found.images[b], originals[b]), 0.9);
}

TEST(LocalSteps, TheDriftIsWhatTheStepsAddToTheFirstGradientAndTheNetworkStaysAsItWas) {
  const Target target({.cells = 8, .activation = nas::Activation::tanh, .max_pool = false});
  const auto before = target.network->parameters()[0].detach().clone();
  const auto image = smooth_images(1, 9).to(torch::kFloat32);
  const auto drift = [&](int64_t count, double alpha_lr, double weights_lr) {
    return local_drift(*target.network, image, {kLabel}, {count, alpha_lr, weights_lr});
  };
  EXPECT_EQ(drift(1, 0.1, 0.1).abs().max().item<double>(), 0);
  EXPECT_LT(drift(3, 1e-9, 0).abs().max().item<double>(), 1e-6);
  const auto by_alpha = drift(2, 0.01, 0), by_both = drift(2, 0.01, 0.01);
  EXPECT_GT(by_alpha.norm().item<double>(), 0);
  EXPECT_GT((by_both - by_alpha).norm().item<double>(), 0);
  EXPECT_TRUE(target.network->parameters()[0].equal(before));
  // One step of alpha is the gradient; half the change of the gradient over it is the mean's drift.
  const AlphaGradients gradients(target.weights);
  const auto first = gradients(smooth_images(1, 9), kLabel)[0];
  const auto moved =
      std::make_shared<Target>(nas::DagOptions{.cells = 8, .activation = nas::Activation::tanh, .max_pool = false});
  int64_t offset = 0;
  const torch::NoGradGuard no_grad;
  for (const auto& alpha : moved->network->alphas()) {
    alpha.sub_(first.narrow(0, offset, alpha.numel()).view_as(alpha), 0.01);
    offset += alpha.numel();
  }
  const DagWeights after(*moved->network);
  const auto second = AlphaGradients(after)(smooth_images(1, 9), kLabel)[0];
  EXPECT_TRUE(by_alpha.allclose((second - first) / 2, 1e-3, 1e-6));
}

TEST(LocalSteps, WhoSimulatesThemFindsTheImageBehindSeveral) {
  const Target target({.cells = 24, .activation = nas::Activation::tanh, .max_pool = false});
  const auto original = smooth_images(1, 9);
  const LocalSteps steps{.count = 4, .alpha_lr = 0.03, .weights_lr = 0.01};
  const auto observed = AlphaGradients(target.weights)(original, kLabel)[0] +
                        local_drift(*target.network, original.to(torch::kFloat32), {kLabel}, steps);
  const auto prior = fit_gaussian_prior(smooth_images(500, 1));
  const ReconstructionOptions options{.posterior = {.stages = {{32, 4}}}};
  const auto naive = reconstruct({target.weights, {kLabel}, observed}, prior, options, stream("samples"));
  const auto found =
      reconstruct_through_steps({*target.network, {kLabel}, observed, {}, steps}, prior, options, stream("samples"));
  EXPECT_GT(similarity(found.images[0], original[0]), 0.7);
  EXPECT_GT(similarity(found.images[0], original[0]), similarity(naive.images[0], original[0]));
}

TEST(Reconstruct, WhoExpectsTheNoiseSeesThroughItAndWhoDoesNotIsMisled) {
  const Target target({.cells = 32, .activation = nas::Activation::tanh, .max_pool = false});
  const auto original = smooth_images(1, 9);
  const auto clean = AlphaGradients(target.weights)(original, kLabel)[0];
  const double deviation = 0.03 * clean.square().mean().sqrt().item<double>();
  const auto noisy = clean + deviation * torch::randn(clean.sizes(), stream("noise"), clean.options());
  const auto prior = fit_gaussian_prior(smooth_images(500, 1));
  const ReconstructionOptions options{.posterior = {.stages = {{32, 4}}}, .refine = {.iterations = 5}};
  const AlphaObservation naive(target.weights, {kLabel}, noisy);
  AlphaObservation knowing(target.weights, {kLabel}, noisy);
  knowing.expect_noise(torch::full_like(clean, deviation));
  const double found = similarity(reconstruct(knowing, prior, options, stream("samples")).images[0], original[0]);
  EXPECT_GT(found, 0.9);
  EXPECT_GT(found, similarity(reconstruct(naive, prior, options, stream("samples")).images[0], original[0]) + 0.1);
}

TEST(AlphaObservation, OfAClippedGradientTheDirectionIsPredictedWithItsDifferential) {
  const Target target({.cells = 6, .activation = nas::Activation::tanh, .max_pool = false});
  const auto image = smooth_images(1, 9)[0];
  const auto offset =
      1e-3 * torch::randn({target.weights.alphas()}, stream("offset"), torch::TensorOptions().dtype(torch::kFloat64));
  const auto whole = AlphaGradients(target.weights)(image.unsqueeze(0), kLabel)[0] + offset;
  AlphaObservation observation(target.weights, {kLabel}, 0.01 * whole);
  observation.forget_length(offset);
  EXPECT_LT(observation.unexplained(image), 1e-9) << "whatever the factor";
  EXPECT_GT(observation.unexplained(smooth_images(1, 10)[0]), 0.01);
  const auto along = torch::randn({image.numel(), 1}, stream("along"), image.options());
  const auto at = observation.linearise(image, along);
  const double step = 1e-5;
  const auto there =
      observation.predict(torch::stack({image + step * along.flatten(), image - step * along.flatten()}));
  EXPECT_TRUE(at.gradient.allclose(observation.observed(), 1e-9, 1e-12));
  EXPECT_LT((at.jacobian.flatten() - (there[0] - there[1]) / (2 * step)).norm().item<double>(),
            1e-5 * at.jacobian.norm().item<double>());
}

TEST(AlphaObservation, ALengthIsForgottenOnceAndOnlyOfValues) {
  const Target target({.cells = 6});
  const auto gradient = torch::ones({target.weights.alphas()}, torch::kFloat64);
  AlphaObservation nothing(target.weights, {kLabel}, 0 * gradient), signs(target.weights, {kLabel}, gradient, gradient),
      values(target.weights, {kLabel}, gradient);
  EXPECT_THROW(nothing.forget_length(), Error);
  EXPECT_THROW(signs.forget_length(), Error);
  values.forget_length();
  EXPECT_NEAR(values.observed().norm().item<double>(), 1, 1e-12);
  EXPECT_THROW(values.forget_length(), Error);
  EXPECT_THROW(values.expect_noise(gradient), Error);
}

TEST(Reconstruct, AGradientThatWasClippedIsFoundByItsDirection) {
  const Target target({.cells = 32, .activation = nas::Activation::tanh, .max_pool = false});
  const auto original = smooth_images(1, 9);
  const auto sent = 0.05 * AlphaGradients(target.weights)(original, kLabel)[0];
  const auto prior = fit_gaussian_prior(smooth_images(500, 1));
  const ReconstructionOptions options{.posterior = {.stages = {{32, 4}}}, .refine = {.iterations = 5}};
  const AlphaObservation naive(target.weights, {kLabel}, sent);
  AlphaObservation knowing(target.weights, {kLabel}, sent);
  knowing.forget_length();
  const double found = similarity(reconstruct(knowing, prior, options, stream("samples")).images[0], original[0]);
  EXPECT_GT(found, 0.9);
  EXPECT_GT(found, similarity(reconstruct(naive, prior, options, stream("samples")).images[0], original[0]) + 0.1);
}

TEST(Reconstruct, EnumeratingLabelsFindsTheLabelThatWasUsed) {
  const Target target({.cells = 32, .activation = nas::Activation::tanh, .max_pool = false});
  const auto original = smooth_images(1, 9);
  const auto prior = fit_gaussian_prior(smooth_images(500, 1));
  const auto gradient = AlphaGradients(target.weights)(original, 7)[0];
  const auto found = reconstruct_enumerating_labels(
      10, [&](int64_t label) { return AlphaObservation(target.weights, {label}, gradient); },
      [&](int64_t) -> const GaussianPrior& { return prior; }, {.posterior = {.stages = {{16, 3}}}},
      [](int64_t label) { return stream("samples", label); });
  EXPECT_EQ(found.labels, std::vector<int64_t>{7});
  EXPECT_GT(similarity(found.images[0], original[0]), 0.9);
}

TEST(AlphaUpdate, TheGradientComesBackFromADifferenceAndItsSignsFromAdams) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  const auto alpha = torch::rand({50}, stream("alpha"), options), g = torch::randn({50}, stream("gradient"), options);
  EXPECT_TRUE(alpha_gradient_from(g, alpha, {}).equal(g));
  const AlphaUpdate sgd{.kind = AlphaUpdateKind::sgd, .lr = 0.1, .steps = 3, .decay = 0.01};
  EXPECT_TRUE(alpha_gradient_from(-0.3 * (g + 0.01 * alpha), alpha, sgd).allclose(g));
  const AlphaUpdate adam{.kind = AlphaUpdateKind::adam, .lr = 0.1, .epsilon = 1e-8};
  const auto step = -0.1 * g / (g.abs() + 1e-8);
  EXPECT_TRUE(alpha_gradient_from(step.to(torch::kFloat32), alpha, adam).sign().equal(g.sign()));
  const auto tiny = 1e-9 * g;  // near epsilon, u says how large it was
  EXPECT_TRUE(alpha_gradient_from(-0.1 * tiny / (tiny.abs() + 1e-8), alpha, adam).allclose(tiny, 1e-6, 0));
}

TEST(Reconstruct, SignsAloneGiveTheImageAwayThroughMaxPooling) {
  const Target target({.cells = 32});
  const auto originals = smooth_images(2, 9);
  const auto prior = fit_gaussian_prior(smooth_images(500, 1));
  const auto offset = torch::full({target.weights.alphas()}, 1e-5, torch::kFloat64);
  const auto found = [&](int64_t of) {
    const auto gradient = AlphaGradients(target.weights)(originals.slice(0, of, of + 1), kLabel)[0];
    const AlphaObservation signs(target.weights, {kLabel}, (gradient + offset).sign() * 7, offset);
    EXPECT_TRUE(signs.observed().abs().le(1).all().item<bool>());
    return reconstruct(signs, prior, {.posterior = {.stages = {{16, 6}}}}, stream("samples")).images[0];
  };
  const double own = similarity(found(0), originals[0]);
  EXPECT_GT(own, similarity(prior.mean, originals[0]) + 0.1);
  EXPECT_GT(own, similarity(found(1), originals[0]) + 0.1);
}

TEST(AlphaUpdate, WhatIsNoUpdateIsRefused) {
  const auto alpha = torch::zeros({3});
  EXPECT_THROW(alpha_gradient_from(torch::zeros({4}), alpha, {}), Error);
  EXPECT_THROW(alpha_gradient_from(torch::full({3}, NAN), alpha, {}), Error);
  EXPECT_THROW(alpha_gradient_from(alpha, alpha, {.kind = AlphaUpdateKind::sgd}), Error);
  EXPECT_THROW(alpha_gradient_from(alpha, alpha, {.kind = AlphaUpdateKind::sgd, .lr = 1, .steps = 0}), Error);
}

TEST(AlphaObservation, AGradientOfAnotherSizeOrNotFiniteIsRefused) {
  const Target target({.cells = 4});
  EXPECT_THROW(AlphaObservation(target.weights, {kLabel}, torch::zeros({3})), Error);
  AlphaObservation some(target.weights, {kLabel}, torch::zeros({target.weights.alphas()}));
  EXPECT_THROW(some.expect_noise(torch::zeros({3})), Error);
  EXPECT_THROW(some.expect_noise(torch::full({target.weights.alphas()}, -1.0)), Error);
  EXPECT_THROW(AlphaObservation(target.weights, {10}, torch::zeros({target.weights.alphas()})), Error);
  EXPECT_THROW(AlphaObservation(target.weights, {}, torch::zeros({target.weights.alphas()})), Error);
  EXPECT_THROW(AlphaObservation(target.weights, {kLabel}, torch::full({target.weights.alphas()}, NAN)), Error);
}

}  // namespace
}  // namespace archleak::attacks
