#include "attacks/reconstruction/first_order.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace archleak::attacks {
namespace {

torch::Tensor total_variation(const torch::Tensor& images) {
  return images.diff(1, 2).abs().mean() + images.diff(1, 3).abs().mean();
}

// One attempt: the images and soft labels that move, and what they are moved by.
class Attempt {
 public:
  Attempt(nas::SearchNetwork& network, const std::vector<torch::Tensor>& parameters,
          const std::vector<torch::Tensor>& observed, torch::IntArrayRef image_shape,
          const std::vector<int64_t>& labels, int64_t classes, const FirstOrderOptions& options,
          const at::Generator& generator)
      : network_(network), parameters_(parameters), options_(options) {
    std::vector<torch::Tensor> flat;
    for (const auto& gradient : observed) flat.push_back(gradient.detach().flatten());
    observed_ = torch::cat(flat).to(parameters.front().options());
    auto shape = image_shape.vec();
    const auto batch = static_cast<int64_t>(labels.size());
    shape.insert(shape.begin(), batch);
    images_ = torch::randn(shape, generator, observed_.options()).mul_(0.25).add_(0.5).requires_grad_();
    if (options.mean.defined()) {
      mean_ = options.mean.to(observed_.options());
      deviation_ = options.deviation.to(observed_.options());
    }
    if (options.joint_labels) {
      soft_ = torch::randn({batch, classes}, generator, observed_.options()).requires_grad_();
    } else {
      targets_ = torch::one_hot(torch::tensor(labels), classes).to(observed_.options());
    }
    shares_ = options.shares.empty() ? torch::full({batch}, 1.0 / static_cast<double>(batch), observed_.options())
                                     : torch::tensor(options.shares, observed_.options());
    restrict();
    remember();
  }

  // Throws Error where the candidate's gradient does not tell how it moves with the images: total variation alone would
  // move them.
  void expect_second_derivatives() {
    const torch::AutoGradMode with_grad(true);
    const auto by_images = torch::autograd::grad({objective()}, {images_}, {}, /*retain_graph=*/false,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    if (by_images[0].defined()) return;
    throw Error(
        "reconstruction: expected a network that can be differentiated twice, got one whose gradient does not depend "
        "on "
        "the images; set space.execution = \"plain\"");
  }

  // The objective with its gradient left in the leaves; the images' by sign if the options say so.
  torch::Tensor evaluate() {
    const torch::AutoGradMode with_grad(true);
    for (auto& leaf : leaves()) leaf.mutable_grad() = torch::Tensor();
    const auto mismatch = objective();
    const auto total = mismatch + options_.total_variation * total_variation(images_);
    mismatch_ = mismatch.item<double>();
    total.backward({}, /*retain_graph=*/false, /*create_graph=*/false, leaves());
    if (options_.step == FirstOrderOptions::Step::adam && options_.signed_gradient) images_.mutable_grad().sign_();
    return total.detach();
  }

  // Remembers the present images if none before explained the observation better.
  void keep_best() {
    if (!(mismatch_ < best_)) return;
    best_ = mismatch_;
    remember();
  }

  void restrict() {
    const torch::NoGradGuard no_grad;
    images_.clamp_(0, 1);
    if (options_.denoise_above > 0) images_.masked_fill_(images_ > options_.denoise_above, 0);
  }

  std::vector<torch::Tensor> leaves() const {
    return soft_.defined() ? std::vector<torch::Tensor>{images_, soft_} : std::vector<torch::Tensor>{images_};
  }
  double best() const { return best_; }
  FirstOrderResult result(const std::vector<int64_t>& labels) const {
    FirstOrderResult result{.images = best_images_, .labels = labels, .objective = best_};
    for (int64_t b = 0; soft_.defined() && b < best_labels_.size(0); ++b) {
      result.labels[b] = best_labels_[b].item<int64_t>();
    }
    return result;
  }

 private:
  void remember() {
    best_images_ = images_.detach().clone();
    if (soft_.defined()) best_labels_ = soft_.detach().argmax(1);
  }

  torch::Tensor objective() {
    const auto targets = soft_.defined() ? torch::softmax(soft_, 1) : targets_;
    const auto input = mean_.defined() ? (images_ - mean_) / deviation_ : images_;
    const auto loss = -(targets * torch::log_softmax(network_.forward(input), 1)).sum(1).dot(shares_);
    // A parameter may have no part in the network, as the alpha of normal cells where all are reductions.
    const auto gradients = torch::autograd::grad({loss}, parameters_, {}, true, /*create_graph=*/true,
                                                 /*allow_unused=*/true);
    std::vector<torch::Tensor> flat;
    for (size_t i = 0; i < gradients.size(); ++i) {
      flat.push_back((gradients[i].defined() ? gradients[i] : torch::zeros_like(parameters_[i])).flatten());
    }
    const auto found = torch::cat(flat);
    const double tiny = std::numeric_limits<float>::min();
    switch (options_.objective) {
      case GradientObjective::cosine:
        return 1 - found.dot(observed_) / (found.norm() * observed_.norm() + tiny);
      case GradientObjective::l2:
        return (found - observed_).square().sum() / (observed_.square().sum() + tiny);
      default:
        return (found - observed_).abs().sum() / (observed_.abs().sum() + tiny);
    }
  }

  nas::SearchNetwork& network_;
  const std::vector<torch::Tensor>& parameters_;
  const FirstOrderOptions& options_;
  torch::Tensor observed_, mean_, deviation_, shares_, images_, soft_, targets_, best_images_, best_labels_;
  double mismatch_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
};

void run_adam(Attempt& attempt, const FirstOrderOptions& options) {
  torch::optim::Adam adam(attempt.leaves(), torch::optim::AdamOptions(options.lr));
  for (int64_t i = 0; i < options.iterations; ++i) {
    const double progress = static_cast<double>(i) / static_cast<double>(options.iterations);
    const double fall = progress < 0.375 ? 1 : progress < 0.625 ? 0.1 : progress < 0.875 ? 0.01 : 0.001;
    static_cast<torch::optim::AdamOptions&>(adam.param_groups()[0].options()).lr(options.lr * fall);
    attempt.evaluate();
    attempt.keep_best();
    adam.step();
    attempt.restrict();
  }
}

void run_lbfgs(Attempt& attempt, const FirstOrderOptions& options) {
  torch::optim::LBFGS lbfgs(
      attempt.leaves(),
      torch::optim::LBFGSOptions(options.lr).max_iter(20).history_size(100).line_search_fn("strong_wolfe"));
  for (int64_t evaluations = 0; evaluations < options.iterations;) {
    lbfgs.step([&] {
      ++evaluations;
      auto value = attempt.evaluate();
      attempt.keep_best();
      return value;
    });
    attempt.restrict();
    evaluations += 1;  // a step that stalls still counts, so this ends
  }
}

}  // namespace

FirstOrderOptions recommended_first_order(FirstOrderMethod method) {
  switch (method) {
    case FirstOrderMethod::lbfgs:
      return {.objective = GradientObjective::l2, .step = FirstOrderOptions::Step::lbfgs, .lr = 1};
    case FirstOrderMethod::adam_l2:
      return {.objective = GradientObjective::l2};
    case FirstOrderMethod::adam_l1:
      return {.objective = GradientObjective::l1};
    case FirstOrderMethod::adam_cosine:
      break;
  }
  return {};
}

FirstOrderResult match_gradients(nas::SearchNetwork& network, const std::vector<torch::Tensor>& parameters,
                                 const std::vector<torch::Tensor>& observed, torch::IntArrayRef image_shape,
                                 const std::vector<int64_t>& labels, int64_t classes, const FirstOrderOptions& options,
                                 at::Generator generator) {
  if (parameters.empty() || parameters.size() != observed.size() || labels.empty()) {
    throw Error(
        fmt::format("reconstruction: expected a gradient for each of {} parameters and at least one label, "
                    "got {} and {}",
                    parameters.size(), observed.size(), labels.size()));
  }
  if (!options.shares.empty() && options.shares.size() != labels.size()) {
    throw Error(
        fmt::format("reconstruction: expected the shares of {} images, got {}", labels.size(), options.shares.size()));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].numel() != observed[i].numel()) {
      throw Error(fmt::format("reconstruction: expected a gradient of {} values, got {}", parameters[i].numel(),
                              observed[i].numel()));
    }
    if (!observed[i].isfinite().all().item<bool>()) {
      throw Error("reconstruction: expected a finite gradient, got NaN or infinity");
    }
  }
  FirstOrderResult best;
  for (int64_t restart = 0; restart < std::max<int64_t>(options.restarts, 1); ++restart) {
    Attempt attempt(network, parameters, observed, image_shape, labels, classes, options, generator);
    if (restart == 0) attempt.expect_second_derivatives();
    if (options.step == FirstOrderOptions::Step::adam) {
      run_adam(attempt, options);
    } else {
      run_lbfgs(attempt, options);
    }
    if (restart == 0 || attempt.best() < best.objective) best = attempt.result(labels);
  }
  return best;
}

int64_t label_from_head_gradient(const torch::Tensor& gradient) {
  return gradient.argmin().item<int64_t>();
}

}  // namespace archleak::attacks
