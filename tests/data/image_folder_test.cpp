#include "data/image_folder.h"

#include <gmock/gmock.h>

#include "data/image.h"
#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void add(const test::TemporaryFolder& folder, const std::string& name, uint8_t value, int64_t channels = 3) {
  std::filesystem::create_directories((folder / name).parent_path());
  write_png(folder / name, {6, 4, channels, std::vector<uint8_t>(static_cast<size_t>(24 * channels), value)});
}

TEST(ImageFolder, NamesClassesByFolderAndResizes) {
  const test::TemporaryFolder folder;
  add(folder, "train/dog/2.png", 20);
  add(folder, "train/cat/1.png", 10);
  add(folder, "test/dog/3.png", 30);
  test::write(folder / "train/dog/4.ppm", "P6\n1 1\n255\nabc");
  test::write(folder / "train/.hidden", "");
  const Splits splits = read_image_folder(folder.path(), 5);
  EXPECT_THAT(splits.train.class_names, ElementsAre("cat", "dog"));
  EXPECT_THAT(splits.train.labels, ElementsAre(0, 1, 1));
  EXPECT_EQ(splits.train.shape, (ExampleShape{3, 5, 5}));
  EXPECT_EQ(splits.train.example(1)[7], 20);
  EXPECT_EQ(splits.train.example(2)[25], 'b');
  EXPECT_THAT(splits.test.labels, ElementsAre(1));
}

TEST(ImageFolder, TheFirstImageDecidesBetweenGreyAndColour) {
  const test::TemporaryFolder folder;
  add(folder, "train/a/1.png", 10, 1);
  add(folder, "train/a/2.png", 20, 3);
  add(folder, "test/a/1.png", 30, 3);
  const Splits splits = read_image_folder(folder.path(), 4);
  EXPECT_EQ(splits.train.shape.channels, 1);
  EXPECT_EQ(splits.test.shape.channels, 1);
  EXPECT_EQ(splits.train.example(1)[0], 20);
}

TEST(ImageFolder, RefusesWhatDoesNotBelong) {
  const test::TemporaryFolder folder;
  const auto error = [&] { return test::error_of([&] { read_image_folder(folder.path(), 4); }); };
  EXPECT_THAT(error(), HasSubstr("train: expected a folder, got none"));
  std::filesystem::create_directories(folder / "train");
  EXPECT_THAT(error(), HasSubstr("train: expected class folders, got none"));
  add(folder, "train/a/1.png", 10);
  EXPECT_THAT(error(), HasSubstr("test: expected a folder, got none"));
  add(folder, "test/b/1.png", 10);
  EXPECT_THAT(error(), HasSubstr("test: expected a class of the training split, got 'b'"));
  std::filesystem::rename(folder / "test/b", folder / "test/a");
  test::write(folder / "train/a/notes.txt", "");
  EXPECT_THAT(error(), HasSubstr("notes.txt: expected an image file"));
  std::filesystem::rename(folder / "train/a/notes.txt", folder / "train/a/notes.png");
  EXPECT_THAT(error(), HasSubstr("notes.png: expected an image"));
}

}  // namespace
}  // namespace archleak::data
