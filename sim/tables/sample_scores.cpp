#include "sim/tables/sample_scores.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/file.h"
#include "core/npy.h"

namespace archleak::sim {
namespace {

void require_sound(const SampleScores& samples) {
  if (samples.scores.empty() || samples.scores.size() != samples.member.size()) {
    throw DataError(fmt::format("scores: expected a score and a flag for each of at least one sample, got {} and {}",
                                samples.scores.size(), samples.member.size()));
  }
  const auto finite = [](float score) { return std::isfinite(score); };
  const auto flag = [](uint8_t member) { return member <= 1; };
  if (!std::ranges::all_of(samples.scores, finite) || !std::ranges::all_of(samples.member, flag)) {
    throw DataError("scores: expected finite numbers and flags of 0 or 1, got others");
  }
}

/// The text with what a file's name had better not have replaced.
std::string plain(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return !std::isalnum(c) && c != '.' && c != '-'; }, '-');
  return text;
}

}  // namespace

std::string encode_scores(const SampleScores& scores) {
  require_sound(scores);
  std::vector<float> values;
  for (size_t i = 0; i < scores.scores.size(); ++i) {
    values.push_back(scores.scores[i]);
    values.push_back(scores.member[i]);
  }
  return encode_npy(values, {static_cast<int64_t>(scores.scores.size()), 2});
}

std::optional<SampleScores> find_scores(const ResultsStore& store, const std::string& hash) {
  const auto bytes = store.artefact(hash, kScores);
  if (!bytes) return std::nullopt;
  const std::string where = fmt::format("{}: artefact '{}'", store.file().string(), kScores);
  const FloatArray array = decode_npy(*bytes, where);
  if (array.shape.size() != 2 || array.shape[1] != 2) {
    throw DataError(where + ": expected two columns, the score and the member's flag, got another shape");
  }
  SampleScores scores;
  for (size_t i = 0; i < array.values.size(); i += 2) {
    scores.scores.push_back(array.values[i]);
    scores.member.push_back(array.values[i + 1] == 0 ? 0 : array.values[i + 1] == 1 ? 1 : 2);
  }
  require_sound(scores);
  return scores;
}

std::filesystem::path scores_file(const TableResults& table, const TrialRecord& trial) {
  std::string name = fmt::format("{:02}", trial.cell);
  for (const Axis& axis : table.plan.axes) {
    name += '_';
    name += plain(table.plan.cells[trial.cell].at.at(axis.name));
  }
  return std::filesystem::path(kScores) / fmt::format("{}_trial{}.csv", name, trial.trial);
}

void write_scores(const std::filesystem::path& folder, const TableResults& table, const ResultsStore& store) {
  for (const TrialRecord& trial : table.trials) {
    if (!trial.row) continue;
    const auto found = find_scores(store, trial.key.hash());
    if (!found) continue;
    std::string text = "score,member\n";
    for (size_t i = 0; i < found->scores.size(); ++i) {
      text += fmt::format("{},{}\n", found->scores[i], found->member[i]);
    }
    std::filesystem::create_directories(folder / kScores);
    write_file_atomically(folder / scores_file(table, trial), text);
  }
}

}  // namespace archleak::sim
