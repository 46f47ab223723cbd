#pragma once
#include <cstdint>
#include <string>

#include "core/config.h"
#include "data/load.h"
#include "defenses/options.h"
#include "nas/dag_options.h"

namespace archleak::sim {

/// What of the client's step the eavesdropper gets to see; how it is read back is the attack's.
enum class ObservedUpdate {
  gradient,              ///< the alpha gradient
  gradient_and_weights,  ///< the gradients of alpha and of all weights: the classic case
  sgd_delta,             ///< alpha after the local SGD steps minus before
  adam_delta,            ///< alpha after one step of Adam minus before
  weights,               ///< alpha after the local SGD steps
  nothing,               ///< of alpha: the server keeps it (protocol server_alpha)
};

/// How the update travels.
enum class Channel {
  plain,
  curve,               ///< encrypted: sizes and times are all there is
  secure_aggregation,  ///< masked among ten clients (defenses/secure_aggregation.h)
};

enum class Solver {
  posterior,            ///< posterior linearisation; without max pooling, then Levenberg and Marquardt
  adaptive,             ///< the same, which knows of the defence what it does to the update, but for its draws
  levenberg_marquardt,  ///< from the prior's mean
  lbfgs,                ///< first-order, squared distance (DLG)
  adam_cosine,          ///< first-order, cosine
  adam_l2,
  adam_l1,
};

/// Whether it takes steps along gradients, through LibTorch's derivatives.
bool first_order(Solver solver);

enum class Prior {
  basis,            ///< mean and principal components of public images, by class
  total_variation,  ///< first-order solvers only
  none,
};

enum class LabelKnowledge {
  known,
  enumerated,  ///< all classes are tried; batches of one
  inferred,    ///< from the gradient of the classifier's bias (iDLG); batches of one
  joint,       ///< soft labels are optimised with the image; first-order solvers only
};

/// One attack on one batch of one simulated client: settings of the experiment "reconstruction".
struct ReconstructionSettings {
  nas::DagOptions graph;
  data::DataOptions data{.name = "mnist"};
  struct Attack {
    int64_t batch = 1;
    ObservedUpdate observation = ObservedUpdate::gradient;
    int64_t local_steps = 1;    ///< of the client, all on the same batch; sgd_delta and weights
    double sgd_lr = 0.1;        ///< of alpha, for sgd_delta and weights
    double adam_lr = 3e-4;      ///< of alpha, for adam_delta
    double weights_lr = 0.025;  ///< of the weights, between the local steps
    bool float32 = true;        ///< as a client computes and sends; false: an ideal float64 observation
    Channel channel = Channel::plain;
    bool weights_known = true;  ///< else the attacker draws weights of its own
    LabelKnowledge label = LabelKnowledge::known;
    Solver solver = Solver::posterior;
    Prior prior = Prior::basis;
    int64_t iterations = 300;  ///< of first-order solvers
    int64_t restarts = 1;
    bool denoise = false;  ///< pixels above kappa / 255 = 245 / 255 become zero: after every first-order iteration,
                           ///< else at the end
  } attack;
  defenses::DefenseOptions defense;

  /// Of the noise of clip_noise; a single update has no run to calibrate it for.
  double clip_noise_std() const { return defense.clip_noise.noise_multiplier * defense.clip_noise.clip; }

  struct Success {
    double similarity = 0.3;
    double probability = 0.5;
    std::string classifier;  ///< a run directory; empty: being similar enough is being recognised
  } success;
};

/// Every key, and what does not go together. Throws ConfigError.
void describe(Config& config, ReconstructionSettings& settings);

}  // namespace archleak::sim
