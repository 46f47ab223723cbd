#include "data/load.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <set>

#include "data/registry.h"
#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::HasSubstr;

DataOptions digits_of(int64_t train, int64_t test) {
  DataOptions options;
  options.train_size = train;
  options.test_size = test;
  return options;
}

TEST(Load, DrawsTheSyntheticDefaultWithoutAnyFile) {
  const Splits splits = load(digits_of(40, 20), 1);
  EXPECT_EQ(splits.train.size(), 40);
  EXPECT_EQ(splits.test.size(), 20);
  EXPECT_EQ(splits.train.shape, (ExampleShape{1, 28, 28}));
}

TEST(Load, ALimitKeepsExamplesDrawnByTheSeed) {
  DataOptions options = digits_of(200, 20);
  const Splits whole = load(options, 1);
  options.train_limit = 50;
  const Splits part = load(options, 1);
  EXPECT_EQ(part.train.size(), 50);
  EXPECT_EQ(part.test.size(), 20);
  EXPECT_EQ(part.train.pixels, load(options, 1).train.pixels);
  std::set<std::string> all;
  for (int64_t i = 0; i < 200; ++i) all.insert({whole.train.example(i).begin(), whole.train.example(i).end()});
  for (int64_t i = 0; i < 50; ++i) {
    EXPECT_TRUE(all.contains({part.train.example(i).begin(), part.train.example(i).end()}));
  }
  EXPECT_FALSE(std::ranges::equal(part.train.example(9), whole.train.example(9)));
}

TEST(Load, StretchesOfOneSeedsOrderHaveNothingInCommonAndCoverEverything) {
  DataOptions options = digits_of(200, 20);
  std::multiset<std::string> all, parts;
  const auto collect = [](const Dataset& train, std::multiset<std::string>& into) {
    for (int64_t i = 0; i < train.size(); ++i) into.insert({train.example(i).begin(), train.example(i).end()});
  };
  collect(load(options, 1).train, all);
  options.train_limit = 50;
  for (const int64_t skip : {0, 50, 100}) {
    options.train_skip = skip;
    const Splits part = load(options, 1);
    EXPECT_EQ(part.train.size(), 50);
    EXPECT_EQ(part.test.size(), 20);
    collect(part.train, parts);
  }
  options.train_skip = 150;
  options.train_limit = 0;
  collect(load(options, 1).train, parts);
  EXPECT_EQ(parts, all);
  options.train_skip = 199;
  options.train_limit = 50;
  EXPECT_EQ(load(options, 1).train.size(), 1) << "what is left is less than the limit";
  options.train_skip = 200;
  EXPECT_THAT(test::error_of([&] { load(options, 1); }), HasSubstr("expected to skip less than its 200 examples"));
}

TEST(Load, SeesWhereTwoTrainSetsMayOverlap) {
  const auto stretch = [](const std::string& name, int64_t skip, int64_t limit) {
    DataOptions options;
    options.name = name;
    options.train_skip = skip;
    options.train_limit = limit;
    return options;
  };
  const auto overlap = [](const DataOptions& first, const DataOptions& second, uint64_t second_seed = 1) {
    EXPECT_EQ(may_overlap(second, second_seed, first, 1), may_overlap(first, 1, second, second_seed));
    return may_overlap(first, 1, second, second_seed);
  };
  EXPECT_FALSE(overlap(stretch("mnist", 0, 100), stretch("mnist", 100, 0)));
  EXPECT_FALSE(overlap(stretch("mnist", 0, 100), stretch("mnist", 300, 50)));
  EXPECT_TRUE(overlap(stretch("mnist", 0, 101), stretch("mnist", 100, 0)));
  EXPECT_TRUE(overlap(stretch("mnist", 0, 0), stretch("mnist", 100, 50)));
  EXPECT_TRUE(overlap(stretch("mnist", 0, 100), stretch("mnist", 100, 0), 2)) << "drawn in another order";
  EXPECT_FALSE(overlap(stretch("mnist", 0, 0), stretch("fashion-mnist", 0, 0)));
  EXPECT_FALSE(overlap(stretch("digits", 0, 0), stretch("digits", 0, 0), 2)) << "other digits";
  EXPECT_FALSE(overlap(stretch("digits", 0, 100), stretch("digits", 100, 0)));
  auto more = stretch("digits", 100, 0);
  more.train_size = 7000;
  EXPECT_TRUE(overlap(stretch("digits", 0, 100), more)) << "the same digits in another order";
}

TEST(Load, SaysHowToGetWhatIsMissing) {
  const test::TemporaryFolder folder;
  DataOptions options;
  options.name = "cifar100";
  options.root = folder.path();
  EXPECT_THAT(test::error_of([&] { load(options, 1); }), HasSubstr("archleak data get cifar100"));
  options.name = "mnits";
  EXPECT_THAT(test::error_of<ConfigError>([&] { load(options, 1); }), HasSubstr("got 'mnits'"));
}

TEST(Load, ReadsYourOwnTable) {
  const test::TemporaryFolder folder;
  test::write(folder / "sub/mine.csv", "1,0,1\n2,1,1\n1,0,0\n2,1,0\n1,1,1\n");
  DataOptions options;
  options.name = "table";
  options.root = folder.path();
  options.path = "sub/mine.csv";
  const Splits splits = load(options, 1);
  EXPECT_EQ(splits.train.name, "mine.csv train");
  EXPECT_EQ(splits.train.size(), 4);
}

TEST(Load, TheRootIsTheOptionElseTheVariableElseTheCache) {
  const char* before = getenv("ARCHLEAK_DATA");
  const std::string kept = before ? before : "";
  setenv("ARCHLEAK_DATA", "/some/where", 1);
  EXPECT_EQ(data_root(""), "/some/where");
  EXPECT_EQ(data_root("here"), "here");
  unsetenv("ARCHLEAK_DATA");
  EXPECT_EQ(data_root(""), "data-cache");
  if (before) setenv("ARCHLEAK_DATA", kept.c_str(), 1);
}

TEST(Load, DescribesItsOptions) {
  Config config =
      Config::parse("[data]\nname = \"mnist\"\ntrain_limit = 5\n[data.transform]\ncutout = 16\n", "run.toml");
  DataOptions options;
  describe(config.section("data"), options);
  config.reject_unknown();
  EXPECT_EQ(options.name, "mnist");
  EXPECT_EQ(options.train_limit, 5);
  EXPECT_EQ(options.transform.cutout, 16);
  Config unknown = Config::parse("[data]\nname = \"mnits\"\n", "run.toml");
  EXPECT_THAT(test::error_of<ConfigError>([&] { describe(unknown.section("data"), options); }),
              HasSubstr("run.toml:2: data.name"));
  Config pathless = Config::parse("[data]\nname = \"folder\"\n", "run.toml");
  options.path.clear();
  EXPECT_THAT(test::error_of<ConfigError>([&] { describe(pathless.section("data"), options); }),
              HasSubstr("data.path"));
}

TEST(Load, TheTransformHasTheDatasetsStatistics) {
  DataOptions options = digits_of(500, 10);
  const Splits splits = load(options, 1);
  const Transform transform = make_transform(options, splits.train);
  double sum = 0, squares = 0;
  for (const uint8_t pixel : splits.train.pixels) {
    const double value = (pixel / 255.0 - transform.mean[0]) / transform.deviation[0];
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(splits.train.pixels.size());
  EXPECT_NEAR(sum / count, 0, 0.05);
  EXPECT_NEAR(squares / count, 1, 0.05);
  options.transform.normalise = false;
  EXPECT_EQ(make_transform(options, splits.train).mean, std::vector<float>{0});
}

TEST(Load, ATableCannotBeCroppedAndEvaluationAugmentsNothing) {
  DataOptions options = digits_of(30, 30);
  options.name = "table30";
  const Splits splits = load(options, 1);
  EXPECT_EQ(make_transform(options, splits.train).deviation, std::vector<float>{1});
  options.transform.flip = true;
  EXPECT_THAT(test::error_of<ConfigError>([&] { make_transform(options, splits.train); }), HasSubstr("for table rows"));
  const Transform plain = without_augmentation({{0.1f}, {0.2f}, 4, true, 16});
  EXPECT_EQ(plain.crop_padding, 0);
  EXPECT_FALSE(plain.flip);
  EXPECT_EQ(plain.cutout, 0);
  EXPECT_EQ(plain.mean, std::vector<float>{0.1f});
}

TEST(Registry, EveryChecksumHasTheLengthOfOne) {
  std::set<std::string> names;
  for (const DatasetInfo& info : registry()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(info.mean.size(), info.deviation.size());
    for (const RemoteFile& file : info.downloads) {
      EXPECT_TRUE(file.md5.empty() || file.md5.size() == 32) << file.url;
      EXPECT_TRUE(file.url.starts_with("http")) << file.url;
    }
  }
}

TEST(Registry, DatasetsReadTheFilesThatAreHere) {
  for (const auto& [name, classes] :
       std::vector<std::pair<std::string, int64_t>>{{"mnist", 10}, {"gtsrb", 43}, {"location", 30}}) {
    const DatasetInfo info = find_dataset(name);
    const auto folder = test::real_data(info.folder);
    if (!folder) GTEST_SKIP() << "no real data here";
    DataOptions options;
    options.name = name;
    options.root = std::filesystem::path(*test::real_data(".")).string();
    options.train_limit = 100;
    EXPECT_TRUE(info.present(options.root));
    const Splits splits = load(options, 1);
    EXPECT_EQ(splits.train.size(), 100);
    EXPECT_EQ(splits.train.classes, classes);
    EXPECT_EQ(splits.train.shape, info.shape);
  }
}

}  // namespace
}  // namespace archleak::data
