#include "sim/teacher.h"

#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>

#include "client/distil.h"
#include "core/error.h"
#include "models/batch_norm.h"
#include "sim/model_answers.h"
#include "sim/trained_model.h"

namespace archleak::sim {
namespace {

/// Threads within a product may change its last bits, and the coordinator has others than its workers.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

void check_disjoint(const RunConfig& student, const RunConfig& teacher) {
  if (!data::may_overlap(student.data, student.seed, teacher.data, teacher.seed)) return;
  throw ConfigError(fmt::format(
      "defense.distillation.teacher: expected a reference set that the teacher was not trained on, got examples of "
      "'{}' "
      "that may be: {} with run.seed {}, data.train_skip {} and data.train_limit {} (0: all that are left), of which "
      "this run takes run.seed {}, data.train_skip {} and data.train_limit {}. Give both the same seed, the teacher a "
      "train_limit, and this run as large a train_skip",
      student.data.name, student.defense.distillation.teacher, teacher.seed, teacher.data.train_skip,
      teacher.data.train_limit, student.seed, student.data.train_skip, student.data.train_limit));
}

}  // namespace

std::shared_ptr<const client::TrainingData> distil_from_teacher(const RunConfig& run, client::TrainingData reference) {
  const OneThread one_thread;
  const auto& examples = reference.splits.train;
  const TrainedModel teacher = load_trained_model(run.defense.distillation.teacher, examples.shape, examples.classes);
  check_disjoint(run, teacher.run);
  const bool own_statistics = teacher.run.protocol.batch_norm == BatchNormPolicy::average;
  if (!own_statistics && models::mixes_examples(*teacher.model.network)) {
    throw ConfigError(
        "defense.distillation.teacher: expected a run with federation.batch_norm \"average\" or \"group\", or a "
        "network without batch normalisation, got a teacher that has no statistics of its own");
  }
  const auto transform = data::without_augmentation(data::make_transform(teacher.run.data, examples));
  const auto logits = model_answers(*teacher.model.network, examples, transform);
  return client::distil(std::move(reference), logits, run.defense.distillation);
}

}  // namespace archleak::sim
