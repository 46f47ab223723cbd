#include "sim/attack/attack_command.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "sim/attack/attack_results.h"
#include "sim/attack/capture_attack.h"
#include "sim/attack/truth.h"
#include "sim/report.h"
#include "sim/run_directory.h"
#include "sim/stop_signal.h"
#include "sim/tables/image_strip.h"

namespace archleak::sim {
namespace {

constexpr int64_t kOthers = 99;

struct AttackArguments {
  std::string source;
  std::string out;
  std::string labels = "known";
  std::string classifier;
  int64_t round = -1;
  int64_t client = -1;
  int64_t limit = 8;
  int64_t largest_batch = 16;
  CaptureAttackOptions options;
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

std::vector<attacks::SeenUpdate> choose(const attacks::Observation& observation, const AttackArguments& arguments) {
  std::vector<attacks::SeenUpdate> chosen;
  for (const auto& [number, round] : observation.rounds()) {
    if (arguments.round >= 0 && number != arguments.round) continue;
    for (const auto& update : round.updates) {
      if (arguments.client >= 0 && update.client != arguments.client) continue;
      if (static_cast<int64_t>(chosen.size()) < arguments.limit) chosen.push_back(update);
    }
  }
  return chosen;
}

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::gradient:
      return "gradient";
    case Protocol::delta:
      return "delta";
    case Protocol::weights:
      return "weights";
    default:
      return "server_alpha";
  }
}

std::vector<std::pair<std::string, std::string>> threat_model(const RunConfig& run, const AttackArguments& arguments) {
  const bool graph = run.space_kind == SpaceKind::graph;
  return {
      {"Protocol", name_of(run.protocol.protocol)},
      {"Space", graph ? fmt::format("graph of {} cells, {} channels", run.graph.cells, run.graph.channels) : "DARTS"},
      {"Batch size", fmt::format("{}", run.training.batch_size)},
      {"Weights", "known: the broadcast went by"},
      {"Labels", arguments.labels},
      {"Public images", "the test split, disjoint from the clients' images"},
      {"Solver", arguments.options.solver}};
}

Artefact artefact(const char* name, const torch::Tensor& image, ExampleShape shape) {
  const auto pixels = image.detach().clamp(0, 1).to(torch::kFloat32).contiguous();
  return {.name = name,
          .width = shape.width,
          .height = shape.height,
          .channels = shape.channels,
          .pixels = {pixels.data_ptr<float>(), pixels.data_ptr<float>() + pixels.numel()}};
}

/// Holds what was rebuilt of one update against its originals.
void judge_update(const CapturedUpdate& update, const attacks::Reconstruction& found,
                  const std::vector<int64_t>& examples, const PublicImages& images,
                  const attacks::Recogniser& recogniser, double seconds, AttackResults& results,
                  std::vector<ImageTriple>& triples) {
  std::vector<torch::Tensor> originals;
  for (const int64_t example : examples) originals.push_back(images.victim(example));
  const auto truth = torch::stack(originals), rebuilt = images.images(found.images).clamp(0, 1);
  const auto set_beside = attacks::assign_to_originals(rebuilt, truth);
  for (size_t b = 0; b < examples.size(); ++b) {
    const int64_t of = set_beside[b], label = images.label(examples[of]);
    const auto others = images.same_class(examples[of], kOthers);
    const auto own = attacks::judge(rebuilt[b], truth[of], others, images.shape(), label, recogniser);
    const auto none = others.slice(0, 0, 0);
    const auto mean = images.images(images.prior(label).mean);
    results.images.push_back(
        {.round = update.round,
         .client = update.client,
         .image = of,
         .label = label,
         .found_label = found.labels[b],
         .ssim = own.ssim,
         .mse = own.mse,
         .psnr = own.psnr,
         .correlation = own.correlation,
         .nearer = own.nearer,
         .others = others.size(0),
         .recognised = own.recognised,
         .identified = own.identified,
         .null_ssim =
             others.size(0) > 0 ? attacks::judge(rebuilt[b], others[0], none, images.shape(), label, {}).ssim : 0,
         .mean_ssim = attacks::judge(mean, truth[of], none, images.shape(), label, {}).ssim,
         .unexplained = found.unexplained,
         .seconds = seconds});
    triples.push_back(
        {artefact("original", truth[of], images.shape()), artefact("reconstruction", rebuilt[b], images.shape())});
  }
}

/// Attacks what was chosen; stops early, with what it has, when interrupted.
void attack_updates(const attacks::Observation& observation, const AttackArguments& arguments, AttackResults& results,
                    std::vector<ImageTriple>& triples, bool& interrupted) {
  if (!observation.welcome()) {
    throw DataError(
        "attack: expected the configuration of the run in the capture, got none: no worker came in while "
        "the recording went on");
  }
  const RunConfig run = parse_run_config(observation.welcome()->config, "configuration on the wire");
  if (run.workload != WorkloadKind::search || run.protocol.protocol == Protocol::server_alpha) {
    results.blindness = "nothing to attack: no architecture parameters are on the wire under this protocol";
    return;
  }
  const auto data = make_training_data(run);
  const PublicImages images(data->splits.train, data->splits.test, data->plain_transform);
  const auto recogniser =
      arguments.classifier.empty() ? attacks::Recogniser{} : images.recogniser(arguments.classifier);
  results.threat_model = threat_model(run, arguments);
  const auto chosen = choose(observation, arguments);
  const auto& stop = install_stop_signals();
  Progress progress("attack", "updates", static_cast<int64_t>(chosen.size()));
  for (const auto& seen : chosen) {
    if (stop) {
      interrupted = true;
      break;
    }
    const auto update = read_captured_update(observation, seen, run, images.shape(), images.classes());
    if (update.images > arguments.largest_batch || update.gradient.abs().max().item<double>() == 0) {
      ++results.skipped;
      results.skipped_why = update.images > arguments.largest_batch
                                ? fmt::format("{} images behind an update, more than --largest-batch {}", update.images,
                                              arguments.largest_batch)
                                : "alpha did not move";
    } else {
      const auto examples = examples_behind(run, *data, seen.round, seen.client, update.steps);
      std::vector<int64_t> labels;
      for (const int64_t example : examples) {
        if (arguments.labels == "known") labels.push_back(images.label(example));
      }
      const auto start = std::chrono::steady_clock::now();
      const auto found = attack_captured_update(update, labels, images, arguments.options);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      judge_update(update, found, examples, images, recogniser, seconds.count(), results, triples);
    }
    progress.advance();
  }
}

void print(const AttackResults& results, const AttackPlace& place) {
  const AttackFiles files(place.out);
  if (!results.blindness.empty()) {
    fmt::print("attack     {}\n", results.blindness);
  } else {
    fmt::print("rebuilt    {} of {} images, recognised and identified among others of their class\n",
               results.successes(), results.images.size());
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
  AttackResults results{.capture = place.capture.string(), .blindness = observation.blindness()};
  std::vector<ImageTriple> triples;
  bool interrupted = false;
  if (results.blindness.empty()) attack_updates(observation, arguments, results, triples, interrupted);
  write_attack(place.out, results, triples.empty() ? data::Image{} : draw_strip(triples));
  if (place.run) write_report(*place.run);
  print(results, place);
  return interrupted ? static_cast<int>(ExitCode::interrupted) : 0;
}

}  // namespace

void add_attack_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<AttackArguments>();
  CLI::App* command = app.add_subcommand("attack", "Rebuild training images from a capture of architecture gradients");
  command->add_option("source", arguments->source, "run directory with a capture, or a capture file")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_option("--out", arguments->out, "folder for results; default: attack in the run's directory");
  command->add_option("--round", arguments->round, "this round alone");
  command->add_option("--client", arguments->client, "this client alone");
  command->add_option("--limit", arguments->limit, "at most so many updates")->check(CLI::Range(1, 1000000));
  command
      ->add_option("--labels", arguments->labels,
                   "known: given to the attacker; unknown: classes are tried one by one (one image an update)")
      ->check(CLI::IsMember({"known", "unknown"}));
  command
      ->add_option("--solver", arguments->options.solver,
                   "automatic: second order for graphs of cells, else cosine; or a first-order one")
      ->check(CLI::IsMember({"automatic", "second_order", "cosine", "l2", "l1", "lbfgs"}));
  command->add_option("--iterations", arguments->options.iterations, "of a first-order solver")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--restarts", arguments->options.restarts, "attempts, of which the best explanation is kept")
      ->check(CLI::Range(1, 1000));
  command->add_option("--largest-batch", arguments->largest_batch, "updates with more images behind them are skipped")
      ->check(CLI::Range(1, 64));
  command->add_option("--classifier", arguments->classifier,
                      "run directory of a classifier that has to see the true class in a reconstruction");
  command->add_option("--seed", arguments->options.seed, "seed of what the attack draws");
  command->callback([arguments, &exit_code] { exit_code = run_attack(*arguments); });
}

}  // namespace archleak::sim
