#include "data/synthetic.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "data/digits.h"
#include "data/synthetic_table.h"
#include "data/textures.h"

namespace archleak::data {
namespace {

std::vector<SyntheticSet> all_sets() {
  return {digits(), textures10(), textures100(), table30()};
}

/// The share of `test` that is nearest to its own class's mean over `train`, by the given features of an example.
double centroid_accuracy(const Splits& splits,
                         const std::function<std::vector<double>(std::span<const uint8_t>)>& features) {
  const Dataset& train = splits.train;
  std::vector<std::vector<double>> means(static_cast<size_t>(train.classes));
  std::vector<double> counts(static_cast<size_t>(train.classes));
  for (int64_t i = 0; i < train.size(); ++i) {
    const auto values = features(train.example(i));
    auto& mean = means[train.labels[i]];
    mean.resize(values.size());
    for (size_t k = 0; k < values.size(); ++k) mean[k] += values[k];
    ++counts[train.labels[i]];
  }
  int64_t right = 0;
  for (int64_t i = 0; i < splits.test.size(); ++i) {
    const auto values = features(splits.test.example(i));
    std::vector<double> distances(means.size());
    for (size_t label = 0; label < means.size(); ++label) {
      for (size_t k = 0; k < values.size(); ++k)
        distances[label] += std::pow(values[k] - means[label][k] / counts[label], 2);
    }
    right += std::min_element(distances.begin(), distances.end()) - distances.begin() == splits.test.labels[i];
  }
  return static_cast<double>(right) / static_cast<double>(splits.test.size());
}

std::vector<double> all_pixels(std::span<const uint8_t> pixels) {
  return {pixels.begin(), pixels.end()};
}

/// Mean and deviation of each colour: all that is left without knowing where a pixel is (nearly).
std::vector<double> colours(std::span<const uint8_t> pixels) {
  std::vector<double> result;
  for (size_t channel = 0; channel < 3; ++channel) {
    double sum = 0, squares = 0;
    for (const uint8_t pixel : pixels.subspan(channel * 1024, 1024)) {
      sum += pixel;
      squares += pixel * pixel;
    }
    result.push_back(sum / 1024);
    result.push_back(std::sqrt(squares / 1024 - sum * sum / 1024 / 1024));
  }
  return result;
}

TEST(Synthetic, AnExampleDependsOnSeedSplitAndIndexAlone) {
  for (const SyntheticSet& set : all_sets()) {
    const Dataset few = draw_split(set, 5, "train", 7);
    const Dataset many = draw_split(set, 5, "train", 20);
    EXPECT_TRUE(std::equal(few.pixels.begin(), few.pixels.end(), many.pixels.begin())) << set.name;
    std::vector<uint8_t> alone(static_cast<size_t>(set.shape.size()));
    EXPECT_EQ(draw_example(set, 5, "train", 13, alone), many.labels[13]);
    EXPECT_TRUE(std::ranges::equal(alone, many.example(13))) << set.name;
  }
}

TEST(Synthetic, SeedsSplitsAndIndicesGiveDifferentExamples) {
  for (const SyntheticSet& set : all_sets()) {
    const Splits splits = draw_splits(set, 5, 4 * set.classes, 4 * set.classes);
    const Dataset other = draw_split(set, 6, "train", 1);
    EXPECT_FALSE(std::ranges::equal(splits.train.example(0), splits.test.example(0))) << set.name;
    EXPECT_FALSE(std::ranges::equal(splits.train.example(0), other.example(0))) << set.name;
    EXPECT_FALSE(std::ranges::equal(splits.train.example(0), splits.train.example(set.classes))) << set.name;
  }
}

TEST(Synthetic, ClassesAreBalancedAndValid) {
  for (const SyntheticSet& set : all_sets()) {
    const Dataset dataset = draw_split(set, 1, "test", 3 * set.classes);
    EXPECT_NO_THROW(dataset.validate());
    for (int64_t label = 0; label < set.classes; ++label) {
      EXPECT_EQ(std::count(dataset.labels.begin(), dataset.labels.end(), label), 3) << set.name;
    }
  }
}

TEST(Synthetic, DigitsAreLegible) {
  const double accuracy = centroid_accuracy(draw_splits(digits(), 1, 2000, 500), all_pixels);
  EXPECT_GT(accuracy, 0.7);   // MNIST: 0.81
  EXPECT_LT(accuracy, 0.95);  // not one template a class
}

TEST(Synthetic, TexturesCannotBeToldByTheirColours) {
  EXPECT_LT(centroid_accuracy(draw_splits(textures10(), 1, 2000, 500), colours), 0.25);
  EXPECT_LT(centroid_accuracy(draw_splits(textures100(), 1, 4000, 1000), colours), 0.04);
}

TEST(Synthetic, TableRowsAreBinaryAndCanBeLearntInPart) {
  const Splits splits = draw_splits(table30(), 1, 3000, 600);
  for (const uint8_t pixel : splits.train.pixels) ASSERT_TRUE(pixel == 0 || pixel == 255);
  const double accuracy = centroid_accuracy(splits, all_pixels);
  EXPECT_GT(accuracy, 0.35);
  EXPECT_LT(accuracy, 0.8);
}

}  // namespace
}  // namespace archleak::data
