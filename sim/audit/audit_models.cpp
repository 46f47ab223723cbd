#include "sim/audit/audit_models.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <thread>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/npy.h"
#include "core/progress.h"
#include "core/random.h"
#include "data/batch.h"
#include "data/load.h"
#include "models/batch_norm.h"
#include "sim/simulation.h"

namespace archleak::sim {
namespace {

constexpr int64_t kQueryBatch = 250;
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

std::shared_ptr<const client::TrainingData> training_data(const RunConfig& run, data::Dataset members) {
  auto data = std::make_shared<client::TrainingData>();
  data->partition = data::make_partition(members.labels, members.classes, run.clients, run.partition, run.seed);
  data->transform = data::make_transform(run.data, members);
  data->plain_transform = data::without_augmentation(data->transform);
  // Nothing is held out: an audit asks afterwards.
  data->splits.test = {.name = "none", .shape = members.shape, .classes = members.classes};
  data->splits.train = std::move(members);
  return data;
}

/// Logits `[examples, classes]` of a model in evaluation mode.
std::vector<float> query(models::Network& network, const data::Dataset& examples, const data::Transform& transform) {
  const torch::NoGradGuard no_grad;
  std::vector<float> logits;
  for (int64_t begin = 0; begin < examples.size(); begin += kQueryBatch) {
    std::vector<int64_t> indices(std::min(kQueryBatch, examples.size() - begin));
    std::iota(indices.begin(), indices.end(), begin);
    const auto answer =
        network.forward(data::gather(examples, indices, transform).images).to(torch::kFloat32).contiguous();
    logits.insert(logits.end(), answer.data_ptr<float>(), answer.data_ptr<float>() + answer.numel());
  }
  return logits;
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
        asked_(hash_of(content_hash(samples_) + content_hash(population_))) {}

  std::optional<ModelSignals> make(int64_t model, const std::atomic<bool>& stop) const {
    // The same model whatever it is called in an audit: its seed is that of its training set.
    const auto members = data::subset(train_, split_.training_set(model));
    const std::string content = content_hash(members);
    const uint64_t seed =
        derive_seed({.seed = config_.run.seed, .purpose = content, .index = model}) >> 11;  // below 2^53
    const ModelRun run = model_run(config_, seed);
    const auto folder = making_.cache / hash_of("archleak model 1\n" + run.resolved + "\n" + content);
    const auto file = folder / (asked_.substr(0, 16) + ".answers");
    const int64_t count = (samples_.size() + population_.size()) * train_.classes;
    auto logits = kept_answers(file, count);
    if (!logits) {
      const Simulation simulation{
          .run = run.run, .resolved = run.resolved, .data = training_data(run.run, members), .checkpoints = folder};
      const auto trained = simulate(simulation, stop);
      if (!trained) return std::nullopt;
      models::use_batch_statistics(*trained->network, run.run.protocol.batch_norm != BatchNormPolicy::average);
      const auto& transform = simulation.data->plain_transform;
      logits = query(*trained->network, samples_, transform);
      const auto others = query(*trained->network, population_, transform);
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
  data::Dataset samples_, population_;
  std::string asked_;  // hash of what models are asked about
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
