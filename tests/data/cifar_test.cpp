#include "data/cifar.h"

#include <gmock/gmock.h>

#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string record(const std::string& labels, char fill) {
  return labels + std::string(1024, fill) + std::string(1024, fill + 1) + std::string(1024, fill + 2);
}

TEST(Cifar, ReadsTheBatchesThatAreThere) {
  const test::TemporaryFolder folder;
  test::write(folder / "data_batch_2.bin", record("\3", 10) + record("\4", 20));
  test::write(folder / "data_batch_5.bin", record("\5", 30));
  test::write(folder / "test_batch.bin", record("\6", 40));
  test::write(folder / "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  const Splits splits = read_cifar10(folder.path());
  EXPECT_THAT(splits.train.labels, ElementsAre(3, 4, 5));
  EXPECT_EQ(splits.train.shape, (ExampleShape{3, 32, 32}));
  EXPECT_EQ(splits.train.class_name(3), "d");
  EXPECT_EQ(splits.train.example(1)[1024], 21);  // first green pixel
  EXPECT_EQ(splits.train.example(2)[3071], 32);
  EXPECT_THAT(splits.test.labels, ElementsAre(6));
}

TEST(Cifar, NeedsATrainingBatchAndTheTestBatch) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(test::error_of([&] { read_cifar10(folder.path()); }),
              HasSubstr("expected at least one of data_batch_1.bin"));
  test::write(folder / "data_batch_1.bin", record("\3", 10));
  EXPECT_THAT(test::error_of([&] { read_cifar10(folder.path()); }), HasSubstr("test_batch.bin: expected a file"));
}

TEST(Cifar, RefusesPartialRecordsAndLabelsOutOfRange) {
  const test::TemporaryFolder folder;
  test::write(folder / "test_batch.bin", record("\3", 10));
  test::write(folder / "data_batch_1.bin", record("\3", 10) + "xyz");
  EXPECT_THAT(test::error_of([&] { read_cifar10(folder.path()); }), HasSubstr("1 records and 3 bytes more"));
  test::write(folder / "data_batch_1.bin", record("\3", 10) + record("\12", 10));
  EXPECT_THAT(test::error_of([&] { read_cifar10(folder.path()); }),
              HasSubstr("data_batch_1.bin: at byte 3073: expected a label from 0 to 9, got 10"));
  test::write(folder / "data_batch_1.bin", "");
  EXPECT_THAT(test::error_of([&] { read_cifar10(folder.path()); }), HasSubstr("expected records of 3073 bytes, got 0"));
}

TEST(Cifar, TakesTheFineLabelOfCifar100) {
  const test::TemporaryFolder folder;
  test::write(folder / "train.bin", record("\1\143", 10));
  test::write(folder / "test.bin", record("\2\0", 10) + record(std::string("\2\7", 2), 9));
  EXPECT_THAT(test::error_of([&] { read_cifar100(folder.path()); }), HasSubstr("test.bin: expected records of 3074"));
  test::write(folder / "test.bin", record(std::string("\2\7", 2), 9));
  const Splits splits = read_cifar100(folder.path());
  EXPECT_THAT(splits.train.labels, ElementsAre(99));
  EXPECT_THAT(splits.test.labels, ElementsAre(7));
  EXPECT_EQ(splits.train.classes, 100);
  test::write(folder / "fine_label_names.txt", "apple\n");
  EXPECT_THAT(test::error_of([&] { read_cifar100(folder.path()); }), HasSubstr("expected 100 class names, got 1"));
}

TEST(Cifar, SurvivesDamage) {
  const test::TemporaryFolder folder;
  test::write(folder / "test_batch.bin", record("\3", 10));
  EXPECT_GE(test::count_refused(folder / "data_batch_1.bin", record("\3", 10), [&] { read_cifar10(folder.path()); }),
            50);
}

TEST(Cifar, ReadsRealPhotographs) {
  const auto folder = test::real_data("cifar-10-batches-bin");
  if (!folder) GTEST_SKIP() << "no CIFAR-10 here";
  const Splits splits = read_cifar10(*folder);
  EXPECT_GE(splits.train.size(), 10000);
  EXPECT_EQ(splits.test.size(), 10000);
  EXPECT_EQ(splits.test.class_name(6), "frog");
  double red = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    for (int64_t k = 0; k < 1024; ++k) red += splits.train.example(i)[k];
  }
  EXPECT_NEAR(red / 255 / 1024000, 0.4914, 0.02);
}

}  // namespace
}  // namespace archleak::data
