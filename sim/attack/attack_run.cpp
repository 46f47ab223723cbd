#include "sim/attack/attack_run.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "core/progress.h"
#include "sim/attack/image_artefact.h"
#include "sim/attack/recogniser.h"
#include "sim/attack/threat_model.h"
#include "sim/attack/truth.h"
#include "sim/attack/victim_images.h"

namespace archleak::sim {
namespace {

constexpr int64_t kOthers = 99;

/// By round and client, so that it is the same whichever worker was the quicker. A client whose task was given out
/// again sends its update twice: one of them is taken.
std::vector<attacks::SeenUpdate> choose(const attacks::Observation& observation, const AttackRequest& request) {
  std::vector<attacks::SeenUpdate> chosen;
  for (const auto& [number, round] : observation.rounds()) {
    if (request.round >= 0 && number != request.round) continue;
    auto updates = round.updates;
    std::stable_sort(updates.begin(), updates.end(),
                     [](const auto& one, const auto& other) { return one.client < other.client; });
    const auto repeated = std::unique(updates.begin(), updates.end(),
                                      [](const auto& one, const auto& other) { return one.client == other.client; });
    updates.erase(repeated, updates.end());
    for (const auto& update : updates) {
      if (request.client >= 0 && update.client != request.client) continue;
      if (static_cast<int64_t>(chosen.size()) < request.limit) chosen.push_back(update);
    }
  }
  return chosen;
}

/// One run's attack: what the attacker has, and what the evaluation holds its images against.
class Attack {
 public:
  Attack(const RunConfig& run, const AttackRequest& request, AttackOutcome& outcome)
      : run_(run),
        request_(request),
        outcome_(outcome),
        data_(make_training_data(run)),
        open_(data_->splits.test, data_->plain_transform),
        victims_(data_->splits.train),
        recogniser_(request.classifier.empty() ? attacks::Recogniser{}
                                               : load_recogniser(request.classifier, open_.dataset())) {
    attacks::expect_large_enough(open_.shape());
  }

  void rebuild(const attacks::Observation& observation, const attacks::SeenUpdate& seen) {
    const auto update = read_captured_update(observation, seen, run_, open_.shape(), open_.classes(), request_.observed,
                                             request_.weights, attacker_seed());
    const auto reason = cannot_be_attacked(update);
    if (!reason.empty()) return skip(reason);
    const auto examples = examples_behind(run_, *data_, seen.round, seen.client, update.segment, update.steps);
    if (std::ssize(examples) != update.images()) {
      return skip(
          fmt::format("{} images behind an update, where the capture tells of {}", examples.size(), update.images()));
    }
    std::vector<int64_t> labels;
    for (const int64_t example : examples) {
      if (request_.labels_known) labels.push_back(victims_.label(example));
    }
    const auto start = std::chrono::steady_clock::now();
    const auto found = attack_captured_update(update, labels, open_, request_.options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    judge(update, found, examples, seconds.count());
  }

  /// Throws DataError unless the network has the layout that went by (none: it was not recorded).
  void expect_layout(const std::string& fingerprint) const {
    const auto own = make_global_model(run_, open_.shape(), open_.classes()).arena.layout().fingerprint();
    if (!fingerprint.empty() && fingerprint != own) {
      throw DataError(fmt::format(
          "attack: expected a network of the layout {} that went by, got {}: the data here are not the run's, or it is "
          "of another version",
          fingerprint, own));
    }
  }

  void skip(const std::string& reason) {
    ++outcome_.results.skipped;
    outcome_.results.skipped_why = reason;
  }

 private:
  /// Of weights that the attacker draws: never those of the run.
  uint64_t attacker_seed() const {
    return make_engine({.seed = request_.options.seed ^ run_.seed, .purpose = "the attacker's weights"})() | 1;
  }

  /// Why; empty if it can.
  std::string cannot_be_attacked(const CapturedUpdate& update) const {
    if (update.images() > request_.largest_batch) {
      return fmt::format("{} images behind an update, more than --largest-batch {}", update.images(),
                         request_.largest_batch);
    }
    if (!update.unreadable.empty()) return update.unreadable;
    if (update.gradient.abs().max().item<double>() == 0) return "it did not move";
    return cannot_be_explained(update, request_.options);
  }

  /// Holds what was rebuilt of one update against its originals.
  void judge(const CapturedUpdate& update, const attacks::Reconstruction& found, const std::vector<int64_t>& examples,
             double seconds) {
    const auto shape = open_.shape();
    std::vector<torch::Tensor> originals;
    for (const int64_t example : examples) originals.push_back(victims_.image(example));
    const auto truth = torch::stack(originals), rebuilt = open_.images(found.images).clamp(0, 1);
    const auto set_beside = attacks::assign_to_originals(rebuilt, truth);
    for (size_t b = 0; b < examples.size(); ++b) {
      const int64_t of = set_beside[b], label = victims_.label(examples[of]);
      const auto others = victims_.same_class(examples[of], kOthers);
      const auto similarity = [&](const torch::Tensor& image, const torch::Tensor& original) {
        return attacks::judge(image, original, others.slice(0, 0, 0), shape, label, {}).ssim;
      };
      const auto own = attacks::judge(rebuilt[b], truth[of], others, shape, label, recogniser_);
      auto engine = make_engine({.seed = request_.options.seed,
                                 .round = update.round,
                                 .client = update.client,
                                 .purpose = "null image",
                                 .index = of});
      const auto another = victims_.another(examples[of], engine);
      outcome_.results.images.push_back({.round = update.round,
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
                                         .null_ssim = another ? similarity(rebuilt[b], victims_.image(*another)) : 0,
                                         .mean_ssim = similarity(open_.images(open_.prior(label).mean), truth[of]),
                                         .unexplained = found.unexplained,
                                         .seconds = seconds});
      outcome_.images.push_back(
          {image_artefact("original", truth[of], shape), image_artefact("reconstruction", rebuilt[b], shape)});
    }
  }

  const RunConfig& run_;
  const AttackRequest& request_;
  AttackOutcome& outcome_;
  std::shared_ptr<const client::TrainingData> data_;
  PublicImages open_;
  VictimImages victims_;
  attacks::Recogniser recogniser_;
};

/// Why this attack has nothing to read; empty if it has.
std::string nothing_to_read(const attacks::Observation& observation, const RunConfig& run,
                            const AttackRequest& request) {
  const std::string blindness = observation.blindness();
  if (!blindness.empty()) return blindness;
  if (run.workload != WorkloadKind::search || run.protocol.protocol == Protocol::server_alpha) {
    return "nothing to attack: no architecture parameters are on the wire under this protocol";
  }
  if (request.observed == Segment::weights && run.protocol.withhold_weights) {
    return "nothing to attack: the weights were withheld";
  }
  if (run.strategy.kind != nas::Strategy::darts) {
    return fmt::format(
        "nothing that this attack can read: expected search.strategy \"darts\", got \"{}\", whose networks change from "
        "round to round or have no architecture parameters",
        nas::name_of(run.strategy.kind));
  }
  if (!choose(observation, request).empty()) return {};
  if (request.round >= 0 || request.client >= 0) return "nothing to attack: no update of that round and client went by";
  size_t sums = 0;
  for (const auto& [number, round] : observation.rounds()) sums += round.sums.size();
  if (sums > 0) {
    return fmt::format("nothing to attack: {} sums of several clients went by, and no client's own update", sums);
  }
  return "nothing to attack: models went by, and no update";
}

/// Throws DataError for data that are drawn in so many examples that a foreign capture could exhaust the memory.
void expect_examples_that_fit(const data::DataOptions& data) {
  constexpr int64_t kMostExamples = 1'000'000;
  const int64_t most = std::max(data.train_size, data.test_size);
  if (most <= kMostExamples) return;
  throw DataError(
      fmt::format("configuration on the wire: expected at most {} synthetic examples, got {}", kMostExamples, most));
}

/// The one run that the capture is of. Throws DataError.
RunConfig captured_run(const attacks::Observation& observation, const std::string& config) {
  if (!observation.welcome() && config.empty()) {
    throw DataError(
        "attack: expected the configuration of the run in the capture, got none: no worker came in while "
        "the recording went on; --config FILE names the run's config.toml");
  }
  if (observation.several_runs()) {
    throw DataError(
        "attack: expected the capture of one run, got the configurations of several; record each run in a file of its "
        "own");
  }
  RunConfig run = observation.welcome() ? parse_run_config(observation.welcome()->config, "configuration on the wire")
                                        : load_run_config(config, {}, nullptr);
  if (observation.welcome()) expect_examples_that_fit(run.data);
  run.space.execution = nas::Execution::plain;  // first-order solvers differentiate twice; the layout is the same
  return run;
}

}  // namespace

void attack_capture(const attacks::Observation& observation, const AttackRequest& request,
                    const std::atomic<bool>& stop, AttackOutcome& outcome) {
  AttackResults& results = outcome.results;
  if (!observation.welcome() && !observation.blindness().empty()) {
    results.blindness = observation.blindness();
    results.threat_model = {{"Transport", observation.ciphertexts() > 0 ? "encrypted (CURVE)" : "unknown"}};
    return;
  }
  const RunConfig run = captured_run(observation, request.config);
  results.threat_model = threat_model(run, request);
  results.recognised_as = request.classifier.empty()
                              ? fmt::format("similar (SSIM of at least {})", attacks::SuccessOptions{}.similarity)
                              : "recognised by the classifier";
  results.blindness = nothing_to_read(observation, run, request);
  if (!results.blindness.empty()) return;

  Attack attack(run, request, outcome);
  attack.expect_layout(observation.welcome() ? observation.welcome()->layout : "");
  const auto chosen = choose(observation, request);
  Progress progress("attack", "updates", static_cast<int64_t>(chosen.size()));
  for (const auto& seen : chosen) {
    outcome.interrupted = stop;
    if (outcome.interrupted) break;
    try {
      attack.rebuild(observation, seen);
    } catch (const ConfigError&) {
      throw;
    } catch (const Error& error) {
      if (chosen.size() == 1) throw;
      attack.skip(error.what());
    }
    progress.advance();
  }
}

}  // namespace archleak::sim
