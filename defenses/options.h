#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/config.h"

namespace archleak::defenses {

/// What may be done to an update before it leaves its client.
enum class Transform { noise, clip_noise, top_k, quantise };

/// Gaussian noise of a size that somebody chose. Not differential privacy: nothing bounds what one client gives.
struct NoiseOptions {
  enum class On { alpha, weights, both } on = On::alpha;
  double amount = 0.01;
  enum class Unit {
    std,       ///< amount is the standard deviation
    variance,  ///< amount is the variance
    gradient,  ///< amount times the root mean square of the segment is the standard deviation
  } unit = Unit::variance;
};

/// Whom the guarantee of clip_noise is against.
enum class Guard {
  messages,  ///< whoever reads single updates: the coordinator, an eavesdropper
  model,     ///< whoever sees the global models alone; single updates must be hidden from him by other means
};

/// The Gaussian mechanism: an update is clipped to an L2 norm and gets noise in proportion to it (see privacy.h).
struct ClipNoiseOptions {
  double clip = 1;              ///< largest L2 norm of an update's weights and alpha together
  double noise_multiplier = 1;  ///< standard deviation of the noise, in units of `clip`
  double target_epsilon = 0;    ///< above 0: the noise multiplier is the one that spends so much in the whole run
  double delta = 1e-5;
  Guard guard = Guard::messages;
};

/// Of each segment only the largest values by magnitude are sent.
struct TopKOptions {
  double share = 0.1;           ///< of the values, rounded up
  bool error_feedback = false;  ///< a client adds what it held back to its next update (Seide et al. 2014)
};

/// Each segment is rounded, at random and without bias, to 2^bits - 1 levels between minus and plus its largest
/// magnitude (QSGD, Alistarh et al. 2017).
struct QuantiseOptions {
  int bits = 8;
};

/// DP-SGD (Abadi et al. 2016): every step of a client clips each example's gradient and adds Gaussian noise to their
/// sum (see dp_sgd.h).
struct DpSgdOptions {
  bool enabled = false;
  double clip = 1;                    ///< largest L2 norm of one example's gradient of the weights
  double noise_multiplier = 1;        ///< standard deviation of the noise on the sum, in units of `clip`
  double alpha_clip = 0.1;            ///< the same for the gradient of alpha, which has steps and noise of its own
  double alpha_noise_multiplier = 1;  ///< ENAS, SMASH: on counts of right answers (see DpSgdPlan)
  double target_epsilon = 0;          ///< above 0: both noise multipliers are those that spend so much in the whole run
  double delta = 1e-5;
};

/// Distillation for membership privacy (DMP; Shejwalkar and Houmansadr 2021): a student learns from a teacher's answers
/// about a reference set alone, which has nothing in common with what the teacher was trained on (see distillation.h).
struct DistillationOptions {
  std::string teacher = {};       ///< directory of the teacher's run; empty: no teacher's run
  double temperature = 1;         ///< of teacher and student alike
  double entropy_quantile = 0.5;  ///< share of the reference examples that is kept, those with the lowest entropy
};

/// Adversarial regularisation (Nasr, Shokri, Houmansadr 2018): an inference network learns to tell members from a
/// reference part, and the classifier learns to deceive it (see membership_adversary.h).
struct AdversarialOptions {
  bool enabled = false;
  double lambda = 3;             ///< weight of the classifier's mean log h on members
  double reference_share = 0.3;  ///< of each client's examples, never trained on
  int64_t inference_steps = 1;   ///< of the inference network before each step of the classifier (the paper's k)
  double lr = 1e-3;              ///< of the inference network's Adam
  std::vector<int64_t> prediction_layers{1024, 512, 64};  ///< widths on top of the probabilities
  std::vector<int64_t> label_layers{512, 64};             ///< on top of the one-hot label
  std::vector<int64_t> joint_layers{256, 64};             ///< on top of both, before the membership logit
};

/// The defences of a client: on its training, and on its updates, in the order in which they are applied.
struct DefenseOptions {
  std::vector<Transform> transforms;
  NoiseOptions noise;
  ClipNoiseOptions clip_noise;
  TopKOptions top_k;
  QuantiseOptions quantise;
  DpSgdOptions dp_sgd;
  DistillationOptions distillation;
  AdversarialOptions adversarial;
  double input_noise = 0;  ///< standard deviation of Gaussian noise on training inputs, whose range is 0..1; no privacy

  bool has(Transform transform) const;
};

/// Keys `transforms` and `input_noise`, sections `noise`, `clip_noise`, `top_k`, `quantise`, `dp_sgd`, `distillation`
/// and `adversarial`. Throws ConfigError, also for a transform that is named twice.
void describe(ConfigSection section, DefenseOptions& options);

/// "clip_noise".
const char* name_of(Transform transform);

/// The defences in force, for people: "noise N(0, 0.01) on alpha", "top 10 % by magnitude of each segment", ...
std::vector<std::string> describe_in_words(const DefenseOptions& options);

}  // namespace archleak::defenses
