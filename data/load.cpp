#include "data/load.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdlib>

#include "core/error.h"
#include "core/random.h"
#include "data/registry.h"

namespace archleak::data {
namespace {

/// Keeps `limit` examples after the first `skip`, as the seed draws them, in their order.
void keep_stretch(Dataset& dataset, int64_t skip, int64_t limit, const char* purpose, uint64_t seed) {
  if (skip >= dataset.size()) {
    throw DataError(
        fmt::format("{}: expected to skip less than its {} examples, got {}", dataset.name, dataset.size(), skip));
  }
  const int64_t left = dataset.size() - skip;
  const int64_t kept = limit == 0 ? left : std::min(limit, left);
  if (kept == dataset.size()) return;
  RandomEngine engine = make_engine({.seed = seed, .purpose = purpose});
  const auto order = random_permutation(dataset.size(), engine);
  std::vector<int64_t> places(order.begin() + skip, order.begin() + skip + kept);
  std::sort(places.begin(), places.end());
  dataset = subset(dataset, places);
}

}  // namespace

void describe(ConfigSection section, DataOptions& options) {
  section.read("name", options.name, dataset_names(), "dataset");
  section.read("root", options.root, "folder with the official layouts; empty: $ARCHLEAK_DATA, else data-cache");
  section.read("path", options.path, "datasets 'folder' and 'table': where they are, relative to root");
  section.read("train_skip", options.train_skip, {.min = 0, .max = 1e9},
               "training examples passed over before train_limit are kept, in the order that run.seed draws");
  section.read("train_limit", options.train_limit, {.min = 0, .max = 1e9}, "training examples kept; 0 keeps all");
  section.read("test_limit", options.test_limit, {.min = 0, .max = 1e9}, "test examples kept; 0 keeps all");
  section.read("train_size", options.train_size, {.min = 1, .max = 1e7}, "training examples of a synthetic set");
  section.read("test_size", options.test_size, {.min = 1, .max = 1e7}, "test examples of a synthetic set");
  section.read("image_size", options.image_size, {.min = 1, .max = 1024},
               "datasets 'gtsrb' and 'folder': height and width in pixels");
  section.read("region_of_interest", options.region_of_interest, "dataset 'gtsrb': crop to the sign first");
  if ((options.name == "folder" || options.name == "table") && options.path.empty()) {
    section.fail("path", "expected where the dataset '" + options.name + "' is, got nothing");
  }
  describe(section.section("transform"), options.transform);
}

std::filesystem::path data_root(const std::string& root) {
  if (!root.empty()) return root;
  const char* variable = std::getenv("ARCHLEAK_DATA");
  return variable && *variable ? variable : "data-cache";
}

Splits load(const DataOptions& options, uint64_t seed) {
  const DatasetInfo info = find_dataset(options.name);
  const auto root = data_root(options.root);
  if (!info.synthetic && !info.files.empty() && !std::filesystem::exists(root / info.folder)) {
    throw DataError(fmt::format("{}: expected the dataset '{}', got no such folder; set data.root or ARCHLEAK_DATA{}",
                                (root / info.folder).string(), info.name,
                                info.downloads.empty() ? "" : ", or run 'archleak data get " + info.name + "'"));
  }
  Splits splits = info.read(root, options, seed);
  splits.train.validate();
  splits.test.validate();
  keep_stretch(splits.train, options.train_skip, options.train_limit, "train limit", seed);
  keep_stretch(splits.test, 0, options.test_limit, "test limit", seed);
  return splits;
}

bool may_overlap(const DataOptions& first, uint64_t first_seed, const DataOptions& second, uint64_t second_seed) {
  if (first.name != second.name || first.path != second.path) return false;
  const bool synthetic = find_dataset(first.name).synthetic;
  if (first_seed != second_seed) return !synthetic;
  if (synthetic && first.train_size != second.train_size) return true;  // drawn in another order
  const auto ends_before = [](const DataOptions& one, const DataOptions& other) {
    return one.train_limit > 0 && one.train_skip + one.train_limit <= other.train_skip;
  };
  return !ends_before(first, second) && !ends_before(second, first);
}

Transform make_transform(const DataOptions& options, const Dataset& dataset) {
  const TransformOptions& wanted = options.transform;
  const bool image = dataset.shape.height > 1 || dataset.shape.width > 1;
  if (!image && (wanted.crop_padding > 0 || wanted.flip || wanted.cutout > 0)) {
    throw ConfigError(dataset.name + ": expected no crop, flip or cutout for table rows, got one");
  }
  Transform transform{{0}, {1}, wanted.crop_padding, wanted.flip, wanted.cutout};
  if (!wanted.normalise) return transform;
  const DatasetInfo info = find_dataset(options.name);
  if (!info.mean.empty()) {
    transform.mean = info.mean;
    transform.deviation = info.deviation;
  } else if (image) {
    transform.mean = {0.5f};
    transform.deviation = {0.5f};
  }
  return transform;
}

Transform without_augmentation(Transform transform) {
  transform.crop_padding = 0;
  transform.flip = false;
  transform.cutout = 0;
  return transform;
}

}  // namespace archleak::data
