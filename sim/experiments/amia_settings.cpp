#include "sim/experiments/amia_settings.h"

#include "data/registry.h"
#include "models/registry.h"

namespace archleak::sim {

AmiaSettings::AmiaSettings() {
  search.clients = train.clients = 1;
  train.workload = WorkloadKind::train;
  train.network.name = "derived";
}

void describe(Config& config, AmiaSettings& settings) {
  describe(config.section("data"), settings.data);
  ConfigSection parts = config.section("parts");
  parts.read("target", settings.parts.target, {.min = 4, .max = 1e7}, "examples of the search");
  parts.read("nonmembers", settings.parts.nonmembers, {.min = 1, .max = 1e7}, "examples that the target never sees");
  parts.read("shadow", settings.parts.shadow, {.min = 4, .max = 1e7}, "examples of the shadow");
  parts.read("shadow_nonmembers", settings.parts.shadow_nonmembers, {.min = 1, .max = 1e7},
             "examples that the shadow never sees");
  parts.read("reference", settings.parts.reference, {.min = 2, .max = 1e7},
             "examples of a student, or of an adversary's non-members");
  parts.read_added("population", settings.parts.population, {.min = 1, .max = 1e7},
                   "examples that nobody is trained on, for RMIA by several shadows");

  ConfigSection search = config.section("search_run"), train = config.section("train_run");
  describe_search(search, settings.search);
  describe_retraining(train, settings.train);
  config.section("target").read("model", settings.target,
                                {{"supernet", AmiaTarget::supernet},
                                 {"derived_weights", AmiaTarget::derived_weights},
                                 {"derived_both", AmiaTarget::derived_both}},
                                "what is attacked: the supernet, or the derived network, trained on one part or both");

  config.section("target").read("distil", settings.distil, "what is attacked is a student of the derived network");

  auto& attack = settings.attack;
  ConfigSection section = config.section("attack");
  section.read("shadow", attack.shadow, {{"fixed", AmiaShadow::fixed}, {"searched", AmiaShadow::searched}},
               "whether the shadow's architecture is fixed or searched");
  section.read("shadow_network", attack.shadow_network, models::network_names(), "network of a fixed shadow");
  section.read_added("shadows", attack.shadows, {1, 1000}, "shadow models; with several, LiRA and RMIA attack, too");
  if (attack.shadows == 2) {
    section.fail("shadows", "expected 1, or at least 3: the first is attacked by two others for a threshold, got 2");
  }
  section.read("knows_defense", attack.knows_defense, "the shadow is defended as the target is");
  section.read("eta", attack.eta, {0, 1}, "share of the shadow's examples that are of the target's distribution");
  section.read("unrelated", attack.unrelated, data::dataset_names(), "data set of the shadow's other examples");
  if (attack.eta < 1 && attack.unrelated == settings.data.name) {
    section.fail("unrelated", "expected another data set than data.name, whose examples may be the target's, got \"" +
                                  attack.unrelated + "\"");
  }
  section.read("hidden", attack.hidden, {2, 1e5}, "units of the attack's first hidden layer");
  section.read("epochs", attack.epochs, {1, 1e6}, "of the attack's network");
  section.read("batch_size", attack.batch_size, {1, 1e6}, "of the attack's network");
  section.read("lr", attack.lr, {1e-9, 1e3}, "of the attack's network (SGD, momentum 0.9)");
  config.section("models").read("store", settings.store, "folder where trained models are kept");

  if (!settings.train.defense.distillation.teacher.empty()) {
    train.section("defense.distillation").fail("teacher", "expected none, and target.distil for a student, got one");
  }
  if (settings.distil && settings.target == AmiaTarget::supernet) {
    config.section("target").fail("distil", "expected false for the supernet, which has no student, got true");
  }
  const auto& defense = settings.train.defense;
  if (settings.distil && defense.adversarial.enabled) {
    config.section("target").fail(
        "distil", "expected false with train_run.defense.adversarial, whose adversary needs labels, got true");
  }
  if (settings.distil && defense.dp_sgd.enabled && defense.distillation.entropy_quantile < 1) {
    train.section("defense.distillation")
        .fail("entropy_quantile", "expected 1 with target.distil and train_run.defense.dp_sgd, got less");
  }
  if (settings.train.network.name != "derived") {
    train.section("network").fail("name",
                                  "expected \"derived\", the searched network; a fixed shadow is "
                                  "attack.shadow_network, got \"" +
                                      settings.train.network.name + "\"");
  }
  const bool derives = settings.target != AmiaTarget::supernet;
  if (settings.search.space_kind == SpaceKind::graph && derives) {
    search.section("space").fail("kind", "expected \"darts\" for a derived target, got \"graph\", which derives none");
  }
  if (settings.search.clients != settings.train.clients) {
    train.section("federation").fail("clients", "expected those of search_run, whose examples they train on");
  }
}

}  // namespace archleak::sim
