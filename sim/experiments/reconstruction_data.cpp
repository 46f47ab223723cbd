#include "sim/experiments/reconstruction_data.h"

#include <spdlog/fmt/fmt.h>

#include "sim/attack/recogniser.h"

namespace archleak::sim {

std::shared_ptr<const ReconstructionData> ReconstructionData::load(const data::DataOptions& options) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const ReconstructionData>> loaded;
  const auto key = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", options.name, data::data_root(options.root).string(),
                               options.path, options.train_skip, options.train_limit, options.test_limit,
                               options.train_size, options.test_size, options.image_size, options.region_of_interest);
  const std::lock_guard lock(mutex);
  auto found = loaded[key].lock();
  if (!found) {
    loaded[key] = found = std::make_shared<const ReconstructionData>(data::load(options, /*seed=*/1));
  }
  return found;
}

attacks::Recogniser ReconstructionData::recogniser(const std::string& run_directory) const {
  if (run_directory.empty()) return {};
  const std::lock_guard lock(mutex_);
  const auto found = recognisers_.find(run_directory);
  if (found != recognisers_.end()) return found->second;
  return recognisers_.emplace(run_directory, load_recogniser(run_directory, open.dataset())).first->second;
}

}  // namespace archleak::sim
