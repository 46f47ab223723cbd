#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "attacks/reconstruction/evaluation.h"
#include "data/load.h"
#include "sim/attack/public_images.h"
#include "sim/attack/victim_images.h"

namespace archleak::sim {

/// A data set in two disjoint parts: victims' images (the test split) and public ones (the train split). Shared by the
/// trials of a table; safe to use from several threads.
struct ReconstructionData {
  VictimImages victims;
  PublicImages open;

  explicit ReconstructionData(data::Splits splits) : victims(std::move(splits.test)), open(std::move(splits.train)) {}

  /// The same object for the same options as long as anyone holds it.
  static std::shared_ptr<const ReconstructionData> load(const data::DataOptions& options);

  /// As load_recogniser (sim/attack/recogniser.h), loaded once; none for an empty name.
  attacks::Recogniser recogniser(const std::string& run_directory) const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<std::string, attacks::Recogniser> recognisers_;
};

}  // namespace archleak::sim
