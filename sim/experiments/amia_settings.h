#pragma once
#include <cstdint>
#include <string>

#include "core/config.h"
#include "data/load.h"
#include "sim/run_config.h"

namespace archleak::sim {

/// Which model of a search is attacked. The search fits weights on one part of its data and alpha on the other.
enum class AmiaTarget {
  supernet,         ///< the searched supernet itself, whose weights are fitted on the weights' part alone
  derived_weights,  ///< the derived network, trained anew on the weights' part
  derived_both,     ///< the derived network, trained anew on both parts (as DARTS does)
};

enum class AmiaShadow {
  fixed,     ///< a network of models/
  searched,  ///< found and trained as the target was
};

/// One membership inference attack on one searched model: settings of the experiment "amia".
struct AmiaSettings {
  data::DataOptions data{.name = "mnist"};

  /// Disjoint draws from the train split, by trial.
  struct Parts {
    int64_t target = 1000;             ///< of the search; its clients split them into the weights' and alpha's part
    int64_t nonmembers = 500;          ///< that the target never sees
    int64_t shadow = 1000;             ///< of the shadow, D^s_train
    int64_t shadow_nonmembers = 1000;  ///< D^s_test
    int64_t reference = 1000;          ///< what defences of the target learn from beside its own: a student's examples,
                                       ///< or an adversary's non-members
    int64_t population = 500;          ///< that nobody is trained on, for RMIA by several shadows
  } parts;

  RunConfig search;  ///< section `search_run`; its clients have the examples, also for `train`
  RunConfig train;   ///< section `train_run`, of the derived network; for a fixed shadow with another network
  AmiaTarget target = AmiaTarget::derived_both;
  bool distil = false;  ///< what is attacked is a student of the derived network (defenses/distillation.h)

  struct Attack {
    AmiaShadow shadow = AmiaShadow::searched;
    std::string shadow_network = "resnet20";  ///< of a fixed shadow
    int64_t shadows = 1;                      ///< with several, LiRA and RMIA attack, too
    bool knows_defense = false;               ///< whether the shadow is defended as the target is
    double eta = 1;                           ///< share of the shadow's examples that are of the target's distribution
    std::string unrelated = "textures10";     ///< data set of the others
    int64_t hidden = 64;                      ///< units of the attack's first hidden layer; half in the second
    int64_t epochs = 100;
    int64_t batch_size = 64;
    double lr = 0.05;
  } attack;

  std::string store = "runs/models";  ///< folder where trained models are kept

  AmiaSettings();
};

/// Every key, and what does not go together. Throws ConfigError.
void describe(Config& config, AmiaSettings& settings);

}  // namespace archleak::sim
