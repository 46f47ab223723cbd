#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/error.h"

namespace archleak::sim {

/// An image that a trial leaves behind. Those named "original" and "reconstruction" are shown side by side.
struct Artefact {
  std::string name;
  int64_t width = 0;
  int64_t height = 0;
  int64_t channels = 1;       ///< 1 (grey) or 3 (red, green, blue)
  std::vector<float> pixels;  ///< [channels, height, width] in [0, 1]
};

/// What the attack of a trial says of the samples that it is judged by.
struct SampleScores {
  std::vector<float> scores;    ///< [samples], finite; above 0: taken for a member
  std::vector<uint8_t> member;  ///< [samples], 1 or 0
};

/// What one trial is given.
struct TrialRequest {
  Config& settings;               ///< the trial's own, to be read by the experiment's description; checked already
  uint64_t seed;                  ///< of all that the trial draws; the same for the same trial number in every cell
  int64_t trial;                  ///< 0, 1, ...; for instance which image of a data set
  const std::atomic<bool>& stop;  ///< set when the table is to stop: a trial may finish, or throw TrialStopped
};

/// What one trial returns.
struct TrialResult {
  std::map<std::string, double> figures;  ///< of the names that the experiment declares; NaN: not measured
  std::vector<Artefact> artefacts;
  std::optional<SampleScores> scores;  ///< kept, written to a file, and drawn
};

/// Thrown by a trial that ends early because it was asked to stop: it leaves no row and is run again on --resume.
class TrialStopped : public Error {
 public:
  TrialStopped() : Error("stopped") {}
};

/// Something that is measured again and again: the rows of a table are its trials at one place in the settings, its
/// columns at another.
struct Experiment {
  std::string name;                  ///< what tables call it
  int64_t version = 1;               ///< to be raised whenever the same settings and seed give other figures
  std::string description;           ///< one line
  std::vector<std::string> figures;  ///< the names that a trial may return

  /// Reads every key of the settings, with its range and description, and throws ConfigError for what cannot be used.
  std::function<void(Config& settings)> describe;

  /// One trial: a pure function of settings and seed, whatever runs beside it. Called from several threads at once. An
  /// exception ends the trial alone; its message stands in the table.
  std::function<TrialResult(const TrialRequest& request)> run;
};

/// The experiment of this name. Throws ConfigError, beginning with `where`, naming the nearest one.
const Experiment& find_experiment(const std::vector<Experiment>& experiments, const std::string& name,
                                  const std::string& where);

}  // namespace archleak::sim
