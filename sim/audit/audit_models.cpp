#include "sim/audit/audit_models.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "core/progress.h"
#include "core/random.h"
#include "data/load.h"
#include "sim/defense_setup.h"
#include "sim/model_store.h"

namespace archleak::sim {
namespace {

/// Makes models and asks them; several may be at work at once.
class Making {
 public:
  Making(const AuditConfig& config, const data::Dataset& train, const AuditSplit& split, const ModelMaking& making)
      : config_(config),
        train_(train),
        split_(split),
        samples_(data::subset(train, split.samples)),
        population_(data::subset(train, split.population)),
        reference_(data::subset(train, split.reference)),
        store_(making.cache) {}

  std::optional<ModelSignals> make(int64_t model, const std::atomic<bool>& stop) const {
    // Keyed by training set and place: no two models of an audit start alike.
    const auto places = split_.training_set(model);
    auto members = data::subset(train_, places);
    RunConfig run = config_.run;
    run.seed = derive_seed({.seed = run.seed, .purpose = data::content_hash(members), .index = model}) >> 11;  // < 2^53
    auto data = make_training_data(run, std::move(members));
    if (run.defense.adversarial.enabled) data = with_reference(*data, reference_);
    const auto ask = [&](const data::Dataset& examples) {
      return config_.audit.distil ? store_.student_answers(run, data, reference_, examples, stop)
                                  : store_.answers(run, data, examples, stop);
    };
    const auto about_samples = ask(samples_);
    if (!about_samples) return std::nullopt;
    const auto about_population = ask(population_);
    if (!about_population) return std::nullopt;
    return ModelSignals{.samples = signals(samples_, *about_samples, split_.in[model]),
                        .population = signals(population_, *about_population, std::vector<uint8_t>(population_.size())),
                        .parts = parts(run, *data, places, split_.in[model]),
                        .epsilon = dp_sgd_epsilon(run, *data)};
  }

 private:
  /// By sample; `places` are those of the training set in the train split, ascending.
  std::vector<std::string> parts(const RunConfig& run, const client::TrainingData& data,
                                 const std::vector<int64_t>& places, const std::vector<uint8_t>& member) const {
    if (run.workload != WorkloadKind::search) return {};
    std::vector<std::string> by_place(places.size(), "weights"), result(member.size());
    for (int64_t client = 0; client < std::ssize(data.partition); ++client) {
      for (const int64_t place :
           client::split_locally(data.partition[client], run.search.valid_share, run.seed, client).valid) {
        by_place[place] = "architecture";
      }
    }
    for (size_t i = 0; i < member.size(); ++i) {
      const auto place = std::lower_bound(places.begin(), places.end(), split_.samples[i]) - places.begin();
      if (member[i]) result[i] = by_place[place];
    }
    return result;
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
  data::Dataset samples_, population_, reference_;
  ModelStore store_;
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
