#include "sim/attack/attack_command.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "core/error.h"
#include "core/log.h"
#include "sim/attack/attack_run.h"
#include "sim/report.h"
#include "sim/run_directory.h"
#include "sim/stop_signal.h"

namespace archleak::sim {
namespace {

struct AttackArguments {
  std::string source;
  std::string out;
  std::string observed = "alpha";
  std::string labels = "known";
  std::string weights = "broadcast";
  AttackRequest request;
};

/// A capture, the run that it is of if there is one, and where results go.
struct AttackPlace {
  std::optional<RunDirectory> run;
  std::filesystem::path capture, out;
};

AttackPlace find_place(const AttackArguments& arguments) {
  AttackPlace place{.run = {}, .capture = arguments.source, .out = arguments.out};
  if (std::filesystem::is_directory(arguments.source)) {
    place.run = RunDirectory::open(arguments.source);
    place.capture = place.run->capture();
    if (!std::filesystem::exists(place.capture)) {
      throw DataError(
          fmt::format("{}: expected a capture in the run's directory, got none; run with `--set "
                      "tap.enabled=true`",
                      place.capture.string()));
    }
  }
  if (place.out.empty()) place.out = place.run ? place.run->attack() : "attack";
  return place;
}

void print(const AttackResults& results, const AttackPlace& place) {
  const AttackFiles files(place.out);
  if (!results.blindness.empty()) {
    fmt::print("attack     {}\n", results.blindness);
  } else {
    fmt::print("rebuilt    {} of {} images, {} and identified among others of their class\n", results.successes(),
               results.images.size(), results.recognised_as);
  }
  if (results.skipped > 0) fmt::print("skipped    {} updates: {}\n", results.skipped, results.skipped_why);
  for (const auto& image : results.images) {
    fmt::print(
        "           round {}, client {}: class {}, SSIM {:.2f} ({:.2f} with another image, {:.2f} prior alone)\n",
        image.round, image.client, image.label, image.ssim, image.null_ssim, image.mean_ssim);
  }
  fmt::print("table      {}\nsummary    {}\n", files.table.string(), files.summary.string());
  if (std::filesystem::exists(files.strip)) fmt::print("images     {}\n", files.strip.string());
  if (place.run) fmt::print("report     {}\n", place.run->report().string());
}

int run_attack(const AttackArguments& arguments) {
  start_logging("attack", "warn");
  const AttackPlace place = find_place(arguments);
  const attacks::Observation observation(place.capture);
  AttackOutcome outcome{.results = {.capture = place.capture.string()}};
  attack_capture(observation, arguments.request, install_stop_signals(), outcome);
  write_attack(place.out, outcome.results, outcome.images.empty() ? data::Image{} : draw_strip(outcome.images));
  if (place.run) write_report(*place.run);
  print(outcome.results, place);
  return outcome.interrupted ? static_cast<int>(ExitCode::interrupted) : 0;
}

}  // namespace

void add_attack_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<AttackArguments>();
  CLI::App* command = app.add_subcommand("attack", "Rebuild training images from a capture of architecture gradients");
  command->add_option("source", arguments->source, "run directory with a capture, or a capture file")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_option("--out", arguments->out, "folder for results; default: attack in the run's directory");
  command->add_option("--round", arguments->request.round, "this round alone");
  command->add_option("--client", arguments->request.client, "this client alone");
  command->add_option("--limit", arguments->request.limit, "at most so many updates")->check(CLI::Range(1, 1000000));
  command
      ->add_option("--observe", arguments->observed,
                   "alpha: its gradient, on examples for validation; weights: theirs, on examples for training, the "
                   "classic case (first-order solvers)")
      ->check(CLI::IsMember({"alpha", "weights"}));
  command
      ->add_option("--labels", arguments->labels,
                   "known: given to the attacker; unknown: classes are tried one by one (one image an update)")
      ->check(CLI::IsMember({"known", "unknown"}));
  command
      ->add_option(
          "--weights", arguments->weights,
          "broadcast: the model that went by; initial_seed: the run's seed, which went by, too, and is right in "
          "round 0; unknown: the attacker draws its own")
      ->check(CLI::IsMember({"broadcast", "initial_seed", "unknown"}));
  command
      ->add_option("--solver", arguments->request.options.solver,
                   "automatic: second order for graphs of cells, else cosine; or a first-order one")
      ->check(CLI::IsMember({"automatic", "second_order", "cosine", "l2", "l1", "lbfgs"}));
  command->add_option("--iterations", arguments->request.options.iterations, "of a first-order solver")
      ->check(CLI::Range(1, 1000000));
  command
      ->add_option("--restarts", arguments->request.options.restarts, "attempts, of which the best explanation is kept")
      ->check(CLI::Range(1, 1000));
  command->add_flag("--denoise", arguments->request.options.denoise,
                    "pixels above 245 of 255 become black, as the attack's paper does it");
  command
      ->add_option("--largest-batch", arguments->request.largest_batch,
                   "updates with more images behind them are skipped")
      ->check(CLI::Range(1, 64));
  command
      ->add_option("--config", arguments->request.config,
                   "the run's config.toml, for a capture that began after the workers had come in")
      ->check(CLI::ExistingFile);
  command->add_option("--classifier", arguments->request.classifier,
                      "run directory of a classifier that has to see the true class in a reconstruction");
  command->add_option("--seed", arguments->request.options.seed, "seed of what the attack draws");
  command->callback([arguments, &exit_code] {
    arguments->request.observed = arguments->observed == "alpha" ? Segment::alpha : Segment::weights;
    arguments->request.labels_known = arguments->labels == "known";
    arguments->request.weights = arguments->weights == "broadcast"      ? WeightKnowledge::broadcast
                                 : arguments->weights == "initial_seed" ? WeightKnowledge::initial_seed
                                                                        : WeightKnowledge::unknown;
    exit_code = run_attack(*arguments);
  });
}

}  // namespace archleak::sim
