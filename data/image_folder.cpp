#include "data/image_folder.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"
#include "data/image.h"

namespace archleak::data {
namespace {

constexpr std::array<std::string_view, 6> kEndings = {".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".bmp"};

/// The visible entries of a folder, by name.
std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) throw DataError(folder.string() + ": expected a folder, got none");
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with('.')) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool is_image(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

void append_split(const std::filesystem::path& folder, Dataset& dataset) {
  for (const auto& class_folder : entries(folder)) {
    const auto name = class_folder.filename().string();
    const auto found = std::lower_bound(dataset.class_names.begin(), dataset.class_names.end(), name);
    if (found == dataset.class_names.end() || *found != name) {
      throw DataError(fmt::format("{}: expected a class of the training split, got '{}'", folder.string(), name));
    }
    for (const auto& file : entries(class_folder)) {
      if (!is_image(file)) throw DataError(file.string() + ": expected an image file, got another ending");
      const Image image = read_image(file, dataset.shape.channels);
      if (dataset.shape.channels == 0) dataset.shape.channels = image.channels;
      append_planar(resize(image, dataset.shape.height, dataset.shape.width), dataset.pixels);
      dataset.labels.push_back(static_cast<int32_t>(found - dataset.class_names.begin()));
    }
  }
  dataset.validate();
}

}  // namespace

Splits read_image_folder(const std::filesystem::path& folder, int64_t image_size) {
  std::vector<std::string> names;
  for (const auto& class_folder : entries(folder / "train")) names.push_back(class_folder.filename().string());
  const auto classes = static_cast<int64_t>(names.size());
  if (classes == 0) throw DataError((folder / "train").string() + ": expected class folders, got none");
  const std::string name = folder.filename().string();
  Splits splits{{name + " train", {0, image_size, image_size}, classes, names, {}, {}},
                {name + " test", {0, image_size, image_size}, classes, names, {}, {}}};
  append_split(folder / "train", splits.train);
  splits.test.shape.channels = splits.train.shape.channels;
  append_split(folder / "test", splits.test);
  return splits;
}

}  // namespace archleak::data
