#include "data/batch.h"

#include <gmock/gmock.h>

#include <set>

#include "data/textures.h"
#include "tests/data/files.h"

namespace archleak::data {
namespace {

using testing::HasSubstr;

/// One image of 2 channels of 2x3 and one that is 100 more everywhere.
Dataset small() {
  Dataset dataset{"small", {2, 2, 3}, 5, {}, {}, {4, 2}};
  for (int example = 0; example < 2; ++example) {
    for (int pixel = 0; pixel < 12; ++pixel) dataset.pixels.push_back(static_cast<uint8_t>(pixel + 100 * example));
  }
  return dataset;
}

/// One 1x8x8 image whose pixel at (y, x) is 1 + 8 y + x.
Dataset numbered() {
  Dataset dataset{"numbered", {1, 8, 8}, 1, {}, {}, {0}};
  for (int pixel = 0; pixel < 64; ++pixel) dataset.pixels.push_back(static_cast<uint8_t>(pixel + 1));
  return dataset;
}

TEST(Batch, IsChannelsLastAndNormalisedPerChannel) {
  const Dataset dataset = small();
  const std::vector<int64_t> indices = {1, 0, 1};
  const Batch batch = gather(dataset, indices, {{0.5f, 0.25f}, {0.5f, 2.0f}});
  EXPECT_EQ(batch.images.sizes(), (std::vector<int64_t>{3, 2, 2, 3}));
  EXPECT_TRUE(batch.images.is_contiguous(torch::MemoryFormat::ChannelsLast));
  const auto pixels = torch::tensor(std::vector<int64_t>(dataset.pixels.begin(), dataset.pixels.end()))
                          .to(torch::kFloat64)
                          .reshape({2, 2, 2, 3})
                          .index_select(0, torch::tensor(indices));
  const auto mean = torch::tensor({0.5, 0.25}, torch::kFloat64).reshape({1, 2, 1, 1});
  const auto deviation = torch::tensor({0.5, 2.0}, torch::kFloat64).reshape({1, 2, 1, 1});
  EXPECT_TRUE(torch::allclose(batch.images.to(torch::kFloat64), (pixels / 255 - mean) / deviation, 1e-6, 1e-6));
  EXPECT_TRUE(batch.labels.equal(torch::tensor({2, 4, 2}, torch::kInt64)));
}

TEST(Batch, TableRowsBecomeOnePixelWithManyChannels) {
  const Dataset dataset{"table", {4, 1, 1}, 2, {}, {0, 255, 255, 0}, {1}};
  const Batch batch = gather(dataset, std::vector<int64_t>{0}, {});
  EXPECT_TRUE(batch.images.equal(torch::tensor({0.f, 1.f, 1.f, 0.f}).reshape({1, 4, 1, 1})));
}

TEST(Batch, RefusesAnIndexOutOfRangeAndATransformForOtherChannels) {
  const Dataset dataset = small();
  EXPECT_THAT(test::error_of([&] {
                gather(dataset, std::vector<int64_t>{0, 2}, {});
              }),
              HasSubstr("small: expected an index from 0 to 1, got 2"));
  EXPECT_THAT(test::error_of([&] { gather(dataset, std::vector<int64_t>{-1}, {}); }), HasSubstr("got -1"));
  EXPECT_THAT(test::error_of([&] {
                gather(dataset, std::vector<int64_t>{0}, {{0, 0, 0}, {1, 1, 1}});
              }),
              HasSubstr("expected 1 or 2 means and deviations, got 3 and 3"));
}

TEST(Batch, WithoutAnEngineNothingIsAugmented) {
  const Dataset dataset = numbered();
  const Transform transform{{0.1f}, {0.3f}, 4, true, 4};
  const std::vector<int64_t> indices = {0};
  EXPECT_TRUE(gather(dataset, indices, transform).images.equal(gather(dataset, indices, {{0.1f}, {0.3f}}).images));
}

TEST(Batch, ACropIsTheImageShiftedWithBlackAround) {
  const Dataset dataset = numbered();
  const auto image = gather(dataset, std::vector<int64_t>{0}, {{0.5f}, {0.5f}}).images;
  const auto padded = torch::constant_pad_nd(image, {3, 3, 3, 3}, -1);
  RandomEngine engine(1);
  const Batch batch = gather(dataset, std::vector<int64_t>(200), {{0.5f}, {0.5f}, 3}, &engine);
  std::set<std::pair<int, int>> seen;
  for (int64_t i = 0; i < 200; ++i) {
    bool found = false;
    for (int y = 0; y <= 6; ++y) {
      for (int x = 0; x <= 6; ++x) {
        if (!batch.images[i].equal(padded[0].slice(1, y, y + 8).slice(2, x, x + 8))) continue;
        found = true;
        seen.insert({y, x});
      }
    }
    EXPECT_TRUE(found) << i;
  }
  EXPECT_GT(seen.size(), 40u);  // of 49
}

TEST(Batch, PaddingWiderThanTheImageLeavesItBlackAtWorst) {
  const Dataset dataset = numbered();
  RandomEngine engine(1);
  const Batch batch = gather(dataset, std::vector<int64_t>(50), {{0}, {1}, 20}, &engine);
  EXPECT_GE(batch.images.min().item<float>(), 0);
  EXPECT_LE(batch.images.max().item<float>(), 64.f / 255);
}

TEST(Batch, AFlipMirrorsHalfOfTheImages) {
  const Dataset dataset = numbered();
  const auto image = gather(dataset, std::vector<int64_t>{0}, {}).images[0];
  RandomEngine engine(1);
  const Batch batch = gather(dataset, std::vector<int64_t>(200), {{0}, {1}, 0, true}, &engine);
  int flipped = 0;
  for (int64_t i = 0; i < 200; ++i) {
    const bool mirrored = batch.images[i].equal(image.flip({2}));
    EXPECT_TRUE(mirrored || batch.images[i].equal(image));
    flipped += mirrored;
  }
  EXPECT_NEAR(flipped, 100, 30);
}

TEST(Batch, CutoutZeroesASquareThatMayLeaveTheImage) {
  const Dataset dataset = numbered();
  RandomEngine engine(1);
  const Batch batch = gather(dataset, std::vector<int64_t>(200), {{0}, {1}, 0, false, 4}, &engine);
  std::set<int64_t> areas;
  for (int64_t i = 0; i < 200; ++i) areas.insert((batch.images[i] == 0).sum().item<int64_t>());
  EXPECT_EQ(areas, (std::set<int64_t>{4, 6, 8, 9, 12, 16}));
}

TEST(Batch, TheEngineDecidesTheAugmentation) {
  const Dataset dataset = draw_split(textures10(), 1, "train", 20);
  std::vector<int64_t> indices(20);
  for (int64_t i = 0; i < 20; ++i) indices[i] = i;
  const auto draw = [&](uint64_t seed) {
    RandomEngine engine(seed);
    return gather(dataset, indices, {{0}, {1}, 4, true, 16}, &engine).images;
  };
  EXPECT_TRUE(draw(3).equal(draw(3)));
  EXPECT_FALSE(draw(3).equal(draw(4)));
}

TEST(PixelNoise, HasTheStatedSizeBeforeNormalisationInEveryChannel) {
  const Transform transform{{0.5f, 0.25f}, {0.5f, 2.0f}};
  const torch::Tensor clean = torch::zeros({50, 2, 20, 20}).contiguous(torch::MemoryFormat::ChannelsLast);
  const auto noisy = [&](uint64_t seed) {
    RandomEngine engine = make_engine({.seed = seed});
    torch::Tensor images = clean.clone();
    add_pixel_noise(images, transform, 0.1, engine);
    return images;
  };
  const torch::Tensor images = noisy(1);
  EXPECT_TRUE(images.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_NEAR(images.select(1, 0).std().item<double>(), 0.1 / 0.5, 0.01 * 0.1 / 0.5 * 3);
  EXPECT_NEAR(images.select(1, 1).std().item<double>(), 0.1 / 2.0, 0.01 * 0.1 / 2.0 * 3);
  EXPECT_NEAR(images.mean().item<double>(), 0, 0.003);
  EXPECT_TRUE(images.equal(noisy(1)));
  EXPECT_FALSE(images.equal(noisy(2)));
}

}  // namespace
}  // namespace archleak::data
