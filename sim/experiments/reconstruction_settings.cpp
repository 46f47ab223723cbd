#include "sim/experiments/reconstruction_settings.h"

namespace archleak::sim {

bool first_order(Solver solver) {
  return solver != Solver::posterior && solver != Solver::adaptive && solver != Solver::levenberg_marquardt;
}

namespace {

void reject_contradictions(ConfigSection& section, const ReconstructionSettings& settings) {
  const auto& attack = settings.attack;
  if (attack.label == LabelKnowledge::enumerated && (attack.batch != 1 || first_order(attack.solver))) {
    section.fail("label",
                 "expected batch 1 and the solver \"posterior\" or \"levenberg_marquardt\" for \"enumerated\"");
  }
  if (attack.label == LabelKnowledge::inferred &&
      (attack.batch != 1 || attack.observation != ObservedUpdate::gradient_and_weights)) {
    section.fail("label", "expected batch 1 and the observation \"gradient_and_weights\" for \"inferred\"");
  }
  if (attack.label == LabelKnowledge::joint && !first_order(attack.solver)) {
    section.fail("label", "expected a first-order solver for \"joint\"");
  }
  if (attack.observation == ObservedUpdate::gradient_and_weights && !first_order(attack.solver)) {
    section.fail("observation", "expected a first-order solver for \"gradient_and_weights\"");
  }
  if (attack.prior == Prior::total_variation && !first_order(attack.solver)) {
    section.fail("prior", "expected a first-order solver for \"total_variation\"");
  }
  if (attack.prior == Prior::basis && first_order(attack.solver)) {
    section.fail("prior", "expected \"total_variation\" or \"none\" for a first-order solver, got \"basis\"");
  }
  const bool differences =
      attack.observation == ObservedUpdate::sgd_delta || attack.observation == ObservedUpdate::weights;
  if (attack.local_steps > 1 && !differences) {
    section.fail("local_steps", "expected 1 unless observation is \"sgd_delta\" or \"weights\"");
  }
  if (attack.local_steps > 1 && attack.label == LabelKnowledge::enumerated) {
    section.fail("local_steps", "expected 1 for the label \"enumerated\"");
  }
}

}  // namespace

void describe(Config& config, ReconstructionSettings& settings) {
  describe(config.section("graph"), settings.graph);
  describe(config.section("data"), settings.data);
  auto& attack = settings.attack;
  ConfigSection section = config.section("attack");
  section.read("batch", attack.batch, {1, 64}, "images in the client's batch");
  section.read("observation", attack.observation,
               {{"gradient", ObservedUpdate::gradient},
                {"gradient_and_weights", ObservedUpdate::gradient_and_weights},
                {"sgd_delta", ObservedUpdate::sgd_delta},
                {"adam_delta", ObservedUpdate::adam_delta},
                {"weights", ObservedUpdate::weights},
                {"nothing", ObservedUpdate::nothing}},
               "what of the client's step is on the wire");
  section.read("local_steps", attack.local_steps, {1, 1000}, "local steps on the batch before alpha is sent");
  section.read("sgd_lr", attack.sgd_lr, {1e-9, 1e3}, "the client's learning rate of alpha under SGD");
  section.read("adam_lr", attack.adam_lr, {1e-9, 1e3}, "the client's learning rate of alpha under Adam");
  section.read("weights_lr", attack.weights_lr, {0, 1e3}, "the client's learning rate of the weights between steps");
  section.read("float32", attack.float32, "the observation is float32, as on the wire; false: ideal float64");
  section.read(
      "channel", attack.channel,
      {{"plain", Channel::plain}, {"curve", Channel::curve}, {"secure_aggregation", Channel::secure_aggregation}},
      "how the update travels: in the clear, encrypted, or masked");
  std::string weights = attack.weights_known ? "known" : "unknown";
  section.read("weights", weights, {"known", "unknown"}, "whether the attacker has the broadcast weights");
  attack.weights_known = weights == "known";
  section.read("label", attack.label,
               {{"known", LabelKnowledge::known},
                {"enumerated", LabelKnowledge::enumerated},
                {"inferred", LabelKnowledge::inferred},
                {"joint", LabelKnowledge::joint}},
               "what the attacker knows of the labels");
  section.read("solver", attack.solver,
               {{"posterior", Solver::posterior},
                {"adaptive", Solver::adaptive},
                {"levenberg_marquardt", Solver::levenberg_marquardt},
                {"lbfgs", Solver::lbfgs},
                {"adam_cosine", Solver::adam_cosine},
                {"adam_l2", Solver::adam_l2},
                {"adam_l1", Solver::adam_l1}},
               "how the images are found");
  section.read("prior", attack.prior,
               {{"basis", Prior::basis}, {"total_variation", Prior::total_variation}, {"none", Prior::none}},
               "what the attacker believes of images beforehand");
  section.read("iterations", attack.iterations, {1, 1e6}, "gradient evaluations of a first-order solver");
  section.read("restarts", attack.restarts, {1, 1000}, "attempts, of which the best explanation is kept");
  section.read("denoise", attack.denoise,
               "pixels above 245/255 become 0: after every iteration of a first-order solver, else at the end");
  reject_contradictions(section, settings);
  describe(config.section("defense"), settings.defense);
  if (settings.defense.clip_noise.target_epsilon > 0) {
    config.section("defense.clip_noise")
        .fail("target_epsilon", "expected 0: a single update has no run to calibrate for");
  }
  ConfigSection success = config.section("success");
  success.read("similarity", settings.success.similarity, {-1, 1}, "structural similarity of a success");
  success.read("probability", settings.success.probability, {0, 1}, "of the true class, of a success");
  success.read("classifier", settings.success.classifier, "run directory of the independent classifier; empty: none");
}

}  // namespace archleak::sim
