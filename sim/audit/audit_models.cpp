#include "sim/audit/audit_models.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "client/distil.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/npy.h"
#include "core/progress.h"
#include "core/random.h"
#include "data/load.h"
#include "models/batch_norm.h"
#include "sim/model_answers.h"
#include "sim/simulation.h"

namespace archleak::sim {
namespace {

constexpr uint64_t kMostAnswerBytes = uint64_t{1} << 32;

std::string hash_of(const std::string& text) {
  return to_hex(sha256(text.data(), text.size()));
}

/// Of the examples' pixels, labels and shape.
std::string content_hash(const data::Dataset& dataset) {
  std::string text = fmt::format("{}x{}x{} {} {}\n", dataset.shape.channels, dataset.shape.height, dataset.shape.width,
                                 dataset.classes, dataset.size());
  text += to_hex(sha256(dataset.pixels.data(), dataset.pixels.size()));
  text += to_hex(sha256(dataset.labels.data(), dataset.labels.size() * sizeof(int32_t)));
  return hash_of(text);
}

/// Data of a run that is trained on these examples.
client::TrainingData training_data(const RunConfig& run, data::Dataset examples) {
  client::TrainingData data;
  data.partition = data::make_partition(examples.labels, examples.classes, run.clients, run.partition, run.seed);
  data.transform = data::make_transform(run.data, examples);
  data.plain_transform = data::without_augmentation(data.transform);
  // Nothing is held out: an audit asks afterwards.
  data.splits.test = {.name = "none", .shape = examples.shape, .classes = examples.classes};
  data.splits.train = std::move(examples);
  return data;
}

/// Gives the clients examples to hold as reference, the same number to each.
void add_reference(const RunConfig& run, const data::Dataset& reference, client::TrainingData& data) {
  auto& train = data.splits.train;
  data.reference = data::make_partition(reference.labels, reference.classes, run.clients, {}, run.seed);
  for (auto& part : data.reference) {
    for (int64_t& index : part) index += train.size();
  }
  train.pixels.insert(train.pixels.end(), reference.pixels.begin(), reference.pixels.end());
  train.labels.insert(train.labels.end(), reference.labels.begin(), reference.labels.end());
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

/// Makes models and asks them; several may be at work at once.
class Making {
 public:
  Making(const AuditConfig& config, const data::Dataset& train, const AuditSplit& split, const ModelMaking& making)
      : config_(config),
        train_(train),
        split_(split),
        making_(making),
        samples_(data::subset(train, split.samples)),
        population_(data::subset(train, split.population)),
        asked_(hash_of(content_hash(samples_) + content_hash(population_))) {
    if (split.reference.empty()) return;
    reference_ = data::subset(train, split.reference);
    reference_content_ = (config.audit.distil ? "\ndistilled on " : "\nwith reference ") + content_hash(reference_);
  }

  std::optional<ModelSignals> make(int64_t model, const std::atomic<bool>& stop) const {
    // The same model whatever it is called in an audit: its seed is that of its training set.
    const auto members = data::subset(train_, split_.training_set(model));
    const std::string content = content_hash(members);
    const uint64_t seed =
        derive_seed({.seed = config_.run.seed, .purpose = content, .index = model}) >> 11;  // below 2^53
    const ModelRun run = model_run(config_, seed);
    const auto folder =
        making_.cache / hash_of("archleak model 1\n" + run.resolved + "\n" + content + reference_content_);
    const auto file = folder / (asked_.substr(0, 16) + ".answers");
    const int64_t count = (samples_.size() + population_.size()) * train_.classes;
    auto logits = kept_answers(file, count);
    if (!logits) {
      const auto data = training_data(run.run, members);
      const auto trained = train(run, data, folder, stop);
      if (!trained) return std::nullopt;
      logits = model_answers(*trained->network, samples_, data.plain_transform);
      const auto others = model_answers(*trained->network, population_, data.plain_transform);
      logits->insert(logits->end(), others.begin(), others.end());
      if (!std::all_of(logits->begin(), logits->end(), [](float value) { return std::isfinite(value); })) {
        throw DataError(fmt::format("model {}: expected finite logits, got others: it has diverged", model));
      }
      keep_answers(file, *logits, train_.classes);
    }
    const auto begin = logits->begin(), middle = begin + samples_.size() * train_.classes;
    return ModelSignals{
        .samples = signals(samples_, {begin, middle}, split_.in[model]),
        .population = signals(population_, {middle, logits->end()}, std::vector<uint8_t>(population_.size()))};
  }

 private:
  /// The model of one training set, ready to be asked; nothing when stopped.
  std::optional<GlobalModel> train(const ModelRun& run, client::TrainingData data, const std::filesystem::path& folder,
                                   const std::atomic<bool>& stop) const {
    if (!config_.audit.distil) {
      if (reference_.size() > 0) add_reference(run.run, reference_, data);
      return simulated(run, std::make_shared<const client::TrainingData>(std::move(data)), folder, stop);
    }
    const auto transform = data.plain_transform;
    const auto teacher =
        simulated(run, std::make_shared<const client::TrainingData>(std::move(data)), folder / "teacher", stop);
    if (!teacher) return std::nullopt;
    const auto answers = model_answers(*teacher->network, reference_, transform);
    return simulated(run, client::distil(training_data(run.run, reference_), answers, config_.run.defense.distillation),
                     folder, stop);
  }

  static std::optional<GlobalModel> simulated(const ModelRun& run, std::shared_ptr<const client::TrainingData> data,
                                              const std::filesystem::path& folder, const std::atomic<bool>& stop) {
    auto model =
        simulate({.run = run.run, .resolved = run.resolved, .data = std::move(data), .checkpoints = folder}, stop);
    if (model) {
      models::use_batch_statistics(*model->network, run.run.protocol.batch_norm != BatchNormPolicy::average);
    }
    return model;
  }

  attacks::Signals signals(const data::Dataset& examples, const std::vector<float>& logits,
                           std::vector<uint8_t> member) const {
    return {.classes = train_.classes,
            .logits = {logits.begin(), logits.end()},
            .labels = {examples.labels.begin(), examples.labels.end()},
            .member = std::move(member)};
  }

  const AuditConfig& config_;
  const data::Dataset& train_;
  const AuditSplit& split_;
  const ModelMaking& making_;
  data::Dataset samples_, population_, reference_;
  std::string asked_;              // hash of what models are asked about
  std::string reference_content_;  // how the reference is used, and its hash; empty without one
};

}  // namespace

std::optional<std::vector<ModelSignals>> make_models(const AuditConfig& config, const data::Dataset& train,
                                                     const AuditSplit& split, const ModelMaking& making,
                                                     const std::atomic<bool>& stop) {
  const Making maker(config, train, split, making);
  std::vector<std::optional<ModelSignals>> made(split.models());
  std::mutex mutex;
  int64_t next = 0;
  std::exception_ptr error;
  Progress progress("audit", "models", split.models());
  const auto work = [&] {
    while (true) {
      int64_t model = 0;
      {
        const std::lock_guard lock(mutex);
        if (next == split.models() || error || stop) return;
        model = next++;
      }
      try {
        auto signals = maker.make(model, stop);
        const std::lock_guard lock(mutex);
        if (!signals) return;
        made[model] = std::move(signals);
        progress.advance();
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
      }
    }
  };
  std::vector<std::thread> threads;
  for (int job = 0; job < std::min<int64_t>(making.jobs, split.models()); ++job) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
  std::vector<ModelSignals> all;
  for (auto& signals : made) {
    if (!signals) return std::nullopt;
    all.push_back(std::move(*signals));
  }
  return all;
}

}  // namespace archleak::sim
