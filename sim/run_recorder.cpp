#include "sim/run_recorder.h"

#include <spdlog/spdlog.h>

#include "sim/round_metrics.h"

namespace archleak::sim {

void RunRecorder::show_progress(const std::string& label, int64_t rounds, int64_t finished) {
  progress_ = std::make_unique<Progress>(label, "rounds", rounds, finished);
}

void RunRecorder::on_round(const server::RoundRecord& record) {
  run_.append_metrics({.time = {},
                       .round = record.round,
                       .phase = phase_,
                       .test_accuracy = record.test_accuracy,
                       .test_loss = record.test_loss,
                       .train_loss = record.train_loss,
                       .alpha_entropy = record.alpha_entropy,
                       .broadcast_s = record.broadcast_s,
                       .train_s = record.train_s,
                       .aggregate_s = record.aggregate_s,
                       .evaluate_s = record.evaluate_s,
                       .total_s = record.total_s,
                       .bytes_up = record.bytes_up,
                       .bytes_down = record.bytes_down,
                       .clients = record.clients,
                       .lost = record.lost,
                       .reassigned = record.reassigned,
                       .epsilon = record.epsilon,
                       .model_hash = record.model_hash});
  note_.clear();
  if (record.test_accuracy) note_ = fmt::format("test accuracy {:.1f} %", 100 * *record.test_accuracy);
  if (record.train_loss) note_ += fmt::format("{}train loss {:.3f}", note_.empty() ? "" : ", ", *record.train_loss);
  if (record.epsilon) note_ += fmt::format("{}epsilon {:.2f}", note_.empty() ? "" : ", ", *record.epsilon);
  if (progress_) progress_->advance(1, note_);
}

void RunRecorder::on_event(const std::string& kind, const nlohmann::ordered_json& fields) {
  run_.append_event(kind, fields);
  const auto level = kind == "worker_joined" ? spdlog::level::info : spdlog::level::warn;
  spdlog::log(level, "{}: {}", kind, fields.dump());
}

void RunRecorder::on_tasks(int64_t complete, int64_t tasks) {
  if (progress_) {
    progress_->advance(0, fmt::format("client {}/{}{}{}", complete, tasks, note_.empty() ? "" : ", ", note_));
  }
}

void RunRecorder::before_checkpoint() {
  run_.sync();
}

}  // namespace archleak::sim
