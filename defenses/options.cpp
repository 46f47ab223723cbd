#include "defenses/options.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>

#include "core/nearest.h"

namespace archleak::defenses {
namespace {

const std::vector<std::pair<const char*, Transform>>& transforms() {
  static const std::vector<std::pair<const char*, Transform>> all{{"noise", Transform::noise},
                                                                  {"clip_noise", Transform::clip_noise},
                                                                  {"top_k", Transform::top_k},
                                                                  {"quantise", Transform::quantise}};
  return all;
}

std::vector<Transform> read_transforms(ConfigSection section, const std::vector<Transform>& defaults) {
  std::vector<std::string> names;
  for (const Transform transform : defaults) names.emplace_back(name_of(transform));
  section.read("transforms", names, "what is done to an update before it is sent, in this order");
  std::vector<std::string> known;
  for (const auto& [name, transform] : transforms()) known.emplace_back(name);
  std::vector<Transform> chosen;
  for (const auto& name : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      section.fail("transforms", fmt::format("expected some of {}, got \"{}\"; the nearest is \"{}\"",
                                             fmt::join(known, ", "), name, nearest(name, known)));
    }
    chosen.push_back(transforms()[static_cast<size_t>(found - known.begin())].second);
    if (std::count(chosen.begin(), chosen.end(), chosen.back()) > 1) {
      section.fail("transforms", fmt::format("expected every transform once, got \"{}\" twice", name));
    }
  }
  return chosen;
}

void describe(ConfigSection section, NoiseOptions& options) {
  using On = NoiseOptions::On;
  using Unit = NoiseOptions::Unit;
  section.read("on", options.on, {{"alpha", On::alpha}, {"weights", On::weights}, {"both", On::both}},
               "what gets Gaussian noise");
  section.read("amount", options.amount, {.min = 0}, "how much");
  section.read("unit", options.unit, {{"std", Unit::std}, {"variance", Unit::variance}, {"gradient", Unit::gradient}},
               "of what: standard deviation, variance, or root mean square of the segment");
}

void describe(ConfigSection section, ClipNoiseOptions& options) {
  section.read("clip", options.clip, {.min = 1e-12}, "largest L2 norm of an update");
  section.read("noise_multiplier", options.noise_multiplier, {.min = 0}, "standard deviation in units of clip");
  section.read("target_epsilon", options.target_epsilon, {.min = 0},
               "above 0: the noise multiplier is the one that spends at most this in the whole run");
  section.read("delta", options.delta, {.min = 1e-300, .max = 0.5}, "delta of the guarantee; below 1 / clients");
  section.read("guard", options.guard, {{"messages", Guard::messages}, {"model", Guard::model}},
               "whom the guarantee is against: whoever reads single updates, or only sees global models");
}

void describe(ConfigSection section, TopKOptions& options) {
  section.read("share", options.share, {.min = 1e-9, .max = 1}, "share of each segment's values that is sent");
  section.read("error_feedback", options.error_feedback, "a client adds what it held back to its next update");
}

void describe(ConfigSection section, DpSgdOptions& options) {
  section.read("enabled", options.enabled, "clients train by DP-SGD: clipped gradients of single examples, and noise");
  section.read("clip", options.clip, {.min = 1e-12}, "largest L2 norm of an example's gradient of the weights");
  section.read("noise_multiplier", options.noise_multiplier, {.min = 0},
               "standard deviation of the noise on a batch's sum, in units of clip");
  section.read("alpha_clip", options.alpha_clip, {.min = 1e-12},
               "largest L2 norm of an example's gradient of alpha, in a search");
  section.read(
      "alpha_noise_multiplier", options.alpha_noise_multiplier, {.min = 0},
      "standard deviation of the noise on a batch's sum for alpha, in units of alpha_clip; under ENAS and SMASH on "
      "counts of right answers, in units of the root of their number");
  section.read("target_epsilon", options.target_epsilon, {.min = 0},
               "above 0: the noise multipliers are those that spend at most this in the whole run");
  section.read("delta", options.delta, {.min = 1e-300, .max = 0.5},
               "delta of the guarantee; below 1 / a client's examples");
}

void describe(ConfigSection section, DistillationOptions& options) {
  section.read("teacher", options.teacher,
               "a finished run: its model labels the training data, and clients learn from that alone; empty: off");
  section.read("temperature", options.temperature, {.min = 1e-3, .max = 1e3}, "of the teacher's and student's softmax");
  section.read("entropy_quantile", options.entropy_quantile, {.min = 1e-6, .max = 1},
               "share of a client's examples that is kept, those the teacher is surest of; 1 keeps all");
}

void describe(ConfigSection section, AdversarialOptions& options) {
  section.read("enabled", options.enabled, "clients train against a network that guesses who is a member");
  section.read("lambda", options.lambda, {.min = 0, .max = 1e6}, "weight of the adversary's success in the loss");
  section.read("reference_share", options.reference_share, {.min = 0.01, .max = 0.99},
               "part of a client's examples that only the adversary sees, as non-members");
  section.read("inference_steps", options.inference_steps, {.min = 1, .max = 1000},
               "of the adversary before each step of the classifier");
  section.read("lr", options.lr, {.min = 0}, "learning rate of the adversary (Adam)");
  const Range width{.min = 1, .max = 4096};
  section.read("prediction_layers", options.prediction_layers, width, "adversary: widths on top of the probabilities");
  section.read("label_layers", options.label_layers, width, "adversary: widths on top of the one-hot label");
  section.read("joint_layers", options.joint_layers, width, "adversary: widths on top of both");
}

std::string distillation_in_words(const DistillationOptions& options) {
  const std::string kept =
      options.entropy_quantile < 1
          ? fmt::format("the {:.4g} % of reference examples that it is surest of", 100 * options.entropy_quantile)
          : "all reference examples";
  return fmt::format("distillation (DMP): trained on the answers of {} about {}, temperature {} (no guarantee)",
                     options.teacher, kept, options.temperature);
}

std::string adversarial_in_words(const AdversarialOptions& options) {
  return fmt::format(
      "adversarial regularisation: lambda {}, {:.4g} % of each client's examples kept as reference (no "
      "guarantee)",
      options.lambda, 100 * options.reference_share);
}

std::string dp_sgd_in_words(const DpSgdOptions& options) {
  if (options.noise_multiplier == 0 && options.target_epsilon == 0) {
    return fmt::format("gradients of examples clipped to norm {}, without noise and so without privacy", options.clip);
  }
  return fmt::format("DP-SGD: differential privacy of single examples, against readers of updates: clip {}, delta {}",
                     options.clip, options.delta);
}

}  // namespace

bool DefenseOptions::has(Transform transform) const {
  return std::find(transforms.begin(), transforms.end(), transform) != transforms.end();
}

const char* name_of(Transform transform) {
  for (const auto& [name, candidate] : transforms()) {
    if (candidate == transform) return name;
  }
  return "?";
}

void describe(ConfigSection section, DefenseOptions& options) {
  options.transforms = read_transforms(section, options.transforms);
  describe(section.section("noise"), options.noise);
  describe(section.section("clip_noise"), options.clip_noise);
  describe(section.section("top_k"), options.top_k);
  section.section("quantise")
      .read("bits", options.quantise.bits, {.min = 2, .max = 16}, "bits of a value: 2^bits - 1 levels");
  describe(section.section("dp_sgd"), options.dp_sgd);
  describe(section.section("distillation"), options.distillation);
  describe(section.section("adversarial"), options.adversarial);
  section.read("input_noise", options.input_noise, {.min = 0, .max = 100},
               "standard deviation of Gaussian noise on training inputs, in units of their range 0..1");
}

std::vector<std::string> describe_in_words(const DefenseOptions& options) {
  std::vector<std::string> words;
  if (options.dp_sgd.enabled) words.push_back(dp_sgd_in_words(options.dp_sgd));
  if (!options.distillation.teacher.empty()) words.push_back(distillation_in_words(options.distillation));
  if (options.adversarial.enabled) words.push_back(adversarial_in_words(options.adversarial));
  if (options.input_noise > 0) {
    words.push_back(
        fmt::format("Gaussian noise on training inputs, std {} (not differential privacy)", options.input_noise));
  }
  for (const Transform transform : options.transforms) {
    switch (transform) {
      case Transform::noise: {
        const auto& noise = options.noise;
        const char* on = noise.on == NoiseOptions::On::alpha     ? "alpha"
                         : noise.on == NoiseOptions::On::weights ? "weights"
                                                                 : "weights and alpha";
        const char* unit = noise.unit == NoiseOptions::Unit::std        ? "standard deviation"
                           : noise.unit == NoiseOptions::Unit::variance ? "variance"
                                                                        : "root mean squares";
        words.push_back(fmt::format("Gaussian noise on {}, {} {} (not differential privacy)", on, unit, noise.amount));
        break;
      }
      case Transform::clip_noise:
        if (options.clip_noise.noise_multiplier == 0 && options.clip_noise.target_epsilon == 0) {
          words.push_back(
              fmt::format("clipped to norm {}, without noise and so without privacy", options.clip_noise.clip));
          break;
        }
        words.push_back(fmt::format("differential privacy of taking part, against {}: clip {}, delta {}",
                                    options.clip_noise.guard == Guard::messages ? "readers of single updates"
                                                                                : "those who see global models only",
                                    options.clip_noise.clip, options.clip_noise.delta));
        break;
      case Transform::top_k:
        words.push_back(fmt::format("largest {} % of each segment{}", 100 * options.top_k.share,
                                    options.top_k.error_feedback ? " with error feedback" : ""));
        break;
      case Transform::quantise:
        words.push_back(fmt::format("rounded to {} bits", options.quantise.bits));
        break;
    }
  }
  return words;
}

}  // namespace archleak::defenses
