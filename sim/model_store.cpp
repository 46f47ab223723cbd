#include "sim/model_store.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "client/distil.h"
#include "core/error.h"
#include "core/file.h"
#include "core/folder_lock.h"
#include "core/hash.h"
#include "core/instruction_set.h"
#include "core/npy.h"
#include "core/random.h"
#include "models/batch_norm.h"
#include "sim/model_answers.h"

namespace archleak::sim {
namespace {

constexpr uint64_t kMostAnswerBytes = uint64_t{1} << 32;

std::string hash_of(const std::string& text) {
  return to_hex(sha256(text.data(), text.size()));
}

/// Strategies that the search does not follow, and the space that it is not in, at their defaults.
void keep_search(RunConfig& run) {
  const RunConfig defaults;
  const nas::Strategy kind = run.strategy.kind;
  if (kind != nas::Strategy::enas) run.strategy.enas = {};
  if (kind != nas::Strategy::pdarts) run.strategy.pdarts = {};
  if (kind != nas::Strategy::smash) run.strategy.smash = {};
  if (run.space_kind != SpaceKind::graph) run.graph = {};
  if (run.space_kind != SpaceKind::darts) run.space = {};
  run.network = defaults.network;
}

/// What a train run does not read at its defaults; a random genotype is one of the space.
void keep_network(RunConfig& run) {
  const RunConfig defaults;
  run.search = {};
  run.architect = {};
  run.strategy = {};
  run.graph = {};
  if (run.network.name != "derived") run.network = {.name = run.network.name};
  if (run.network.genotype == "random") return;
  run.space_kind = defaults.space_kind;
  run.space = {};
}

/// Options of defences that the run is without at their defaults; a student is known by its data.
void keep_defenses(defenses::DefenseOptions& defense, bool student) {
  using defenses::Transform;
  if (!defense.has(Transform::noise)) defense.noise = {};
  if (!defense.has(Transform::clip_noise)) defense.clip_noise = {};
  if (!defense.has(Transform::top_k)) defense.top_k = {};
  if (!defense.has(Transform::quantise)) defense.quantise = {};
  if (!defense.dp_sgd.enabled) defense.dp_sgd = {};
  if (!defense.adversarial.enabled) defense.adversarial = {};
  if (!student) defense.distillation = {};
}

/// The run without what does not change its model on such data.
RunConfig essential(const RunConfig& run, const client::TrainingData& data) {
  const RunConfig defaults;
  RunConfig result = run;
  result.name = defaults.name;
  result.log_level = defaults.log_level;
  result.wire = {.url = "inproc://simulation"};
  result.tap = defaults.tap;
  result.coordinator.evaluate_every = defaults.coordinator.evaluate_every;
  result.coordinator.evaluation_shard = defaults.coordinator.evaluation_shard;
  result.coordinator.checkpoint_every = defaults.coordinator.checkpoint_every;
  result.coordinator.keep_checkpoints = 1;
  result.workers = {.count = 1, .slots = 1, .threads = 1};
  result.data = defaults.data;  // the examples themselves are looked at
  result.data.name = run.data.name;
  result.data.path = run.data.path;
  result.data.transform = run.data.transform;
  result.partition = defaults.partition;
  keep_defenses(result.defense, !data.soft_labels.probabilities.empty());
  run.workload == WorkloadKind::search ? keep_search(result) : keep_network(result);
  return result;
}

template <typename T>
std::string hash_of(const std::vector<T>& values) {
  return to_hex(sha256(values.data(), values.size() * sizeof(T)));
}

/// Of the examples, of who has which, and of what a teacher said of them.
std::string content_hash(const client::TrainingData& data) {
  std::string text = data::content_hash(data.splits.train);
  for (const auto& indices : data.partition) text += "\nclient " + hash_of(indices);
  for (const auto& indices : data.reference) text += "\nreference " + hash_of(indices);
  if (!data.soft_labels.probabilities.empty()) {
    text += fmt::format("\nteacher {} {}", data.soft_labels.temperature, hash_of(data.soft_labels.probabilities));
  }
  return hash_of(text);
}

/// To be raised whenever the same configuration and examples make another model.
int64_t revision(const RunConfig& run) {
  return run.defense.adversarial.enabled ? 6 : 5;
}

/// Answers that were kept earlier: an NPY array after its own SHA-256. Nothing if there are none, or damaged ones.
std::optional<std::vector<float>> kept_answers(const std::filesystem::path& file, int64_t values) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    const std::string content = read_file(file, kMostAnswerBytes);
    if (content.size() > 64 && content.substr(0, 64) == hash_of(content.substr(64))) {
      auto array = decode_npy(std::string_view(content).substr(64), file.string());
      if (static_cast<int64_t>(array.values.size()) == values) return std::move(array.values);
    }
  } catch (const DataError&) {
    // Said below.
  }
  spdlog::warn("{}: expected the answers of a model, got something else; it is asked again", file.string());
  return std::nullopt;
}

void keep_answers(const std::filesystem::path& file, const std::vector<float>& logits, int64_t classes) {
  const std::string array = encode_npy(logits, {static_cast<int64_t>(logits.size()) / classes, classes});
  write_file_atomically(file, hash_of(array) + array);
}

/// A run on its data, and where its model is.
struct Place {
  RunConfig run;
  std::filesystem::path folder;

  Place(const RunConfig& any, const client::TrainingData& data, const std::filesystem::path& store)
      : run(essential(any, data)), folder(store / model_key(any, data)) {
    run.coordinator.checkpoint_every = any.coordinator.checkpoint_every;
  }
};

}  // namespace

std::string arithmetic_in_use() {
  const auto chosen = [](const char* variable) {
    const char* value = std::getenv(variable);
    return std::string(value == nullptr ? "" : value);
  };
  const std::string aten = chosen("ATEN_CPU_CAPABILITY"), blas = chosen("OPENBLAS_CORETYPE");
  // What libraries are not told they choose by the processor.
  const std::string chooser = aten.empty() || blas.empty() ? processor() : "any processor";
  return fmt::format("LibTorch {}, {}; {} {} {}", TORCH_VERSION, name_of(instruction_set()), chooser, aten, blas);
}

std::string model_key(const RunConfig& run, const client::TrainingData& data) {
  return hash_of(fmt::format("archleak model {}\n{}\n{}\n{}", revision(run), arithmetic_in_use(),
                             resolved(essential(run, data)), content_hash(data)));
}

std::optional<GlobalModel> ModelStore::model(const RunConfig& run,
                                             const std::shared_ptr<const client::TrainingData>& data,
                                             const std::atomic<bool>& stop) const {
  const Place place(run, *data, folder_);
  const FolderLock lock(place.folder);
  auto model = simulate({.run = place.run, .data = data, .checkpoints = place.folder}, stop);
  if (model) {
    models::use_batch_statistics(*model->network, place.run.protocol.batch_norm != BatchNormPolicy::average);
  }
  return model;
}

std::optional<std::vector<float>> ModelStore::answers(const RunConfig& run,
                                                      const std::shared_ptr<const client::TrainingData>& data,
                                                      const data::Dataset& examples,
                                                      const std::atomic<bool>& stop) const {
  const Place place(run, *data, folder_);
  const auto file = place.folder / (data::content_hash(examples).substr(0, 16) + ".answers");
  if (auto kept = kept_answers(file, examples.size() * examples.classes)) return kept;
  const auto trained = model(run, data, stop);
  if (!trained) return std::nullopt;
  const auto logits = model_answers(*trained->network, examples, data->plain_transform);
  if (!std::all_of(logits.begin(), logits.end(), [](float value) { return std::isfinite(value); })) {
    throw DataError(
        fmt::format("model in {}: expected finite logits, got others: it has diverged", place.folder.string()));
  }
  keep_answers(file, logits, examples.classes);
  return logits;
}

std::optional<std::vector<float>> ModelStore::student_answers(const RunConfig& run,
                                                              const std::shared_ptr<const client::TrainingData>& data,
                                                              const data::Dataset& reference,
                                                              const data::Dataset& examples,
                                                              const std::atomic<bool>& stop) const {
  const auto teacher = answers(run, data, reference, stop);
  if (!teacher) return std::nullopt;
  RunConfig student = run;
  student.seed = derive_seed({.seed = run.seed, .purpose = "student"}) >> 11;  // below 2^53
  const auto taught = client::distil(*make_training_data(student, reference), *teacher, run.defense.distillation);
  return answers(student, taught, examples, stop);
}

std::shared_ptr<const client::TrainingData> with_reference(const client::TrainingData& data,
                                                           const data::Dataset& reference) {
  auto result = std::make_shared<client::TrainingData>(data);
  result->reference.assign(data.partition.size(), {});
  for (int64_t i = 0; i < reference.size(); ++i) {
    result->reference[i % std::ssize(result->reference)].push_back(data.splits.train.size() + i);
  }
  data::append(result->splits.train, reference);
  return result;
}

}  // namespace archleak::sim
