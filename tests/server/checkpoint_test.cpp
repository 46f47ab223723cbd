#include "server/checkpoint.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/bytes.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/random.h"
#include "tests/support/paths.h"

namespace archleak::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Checkpoint sample(int64_t round = 12) {
  Checkpoint checkpoint{.seed = 7, .round = round, .layout = "layout a", .config_hash = "config b"};
  checkpoint.sections["arena"] = std::string("\0\1\2\xff", 4) + std::string(200, 'w');
  checkpoint.sections["optimizers"] = std::string(100, 'o');
  checkpoint.sections["metrics"] = "";
  checkpoint.clients[3] = "state of three";
  checkpoint.clients[-1] = std::string(30, '\0');
  return checkpoint;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "no error";
}

std::string decoding(std::string_view bytes) {
  return error_of([&] { decode(bytes, "test.ckpt"); });
}

/// The file around `content`, with a right length and checksum.
std::string sealed(const std::string& content) {
  ByteWriter writer;
  writer.raw("ALCKPT\r\n");
  writer.u32(1);
  writer.text(content);
  const auto digest = sha256(writer.bytes().data(), writer.bytes().size());
  writer.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
  return writer.take();
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void flip_byte(const std::filesystem::path& file, size_t at) {
  std::string bytes = read_file(file);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file_atomically(file, bytes);
}

TEST(Checkpoint, ReadsBackWhatWasWritten) {
  EXPECT_EQ(decode(encode(sample()), "test.ckpt"), sample());
  EXPECT_EQ(decode(encode({}), "test.ckpt"), Checkpoint{});
  EXPECT_EQ(encode(sample()), encode(sample()));
}

TEST(Checkpoint, TruncationAtEveryLengthIsAnError) {
  const std::string bytes = encode(sample());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THAT(decoding(std::string_view(bytes).substr(0, length)), HasSubstr("test.ckpt: byte ")) << length;
  }
}

TEST(Checkpoint, EveryFlippedBitIsAnError) {
  const std::string bytes = encode(sample());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      ASSERT_NE(decoding(flipped), "no error") << "byte " << i << " bit " << bit;
    }
  }
}

TEST(Checkpoint, TheErrorSaysWhatIsWrong) {
  const std::string bytes = encode(sample());
  EXPECT_THAT(decoding("PK" + bytes.substr(2)), HasSubstr("expected a checkpoint (magic ALCKPT), got another kind"));
  std::string newer = bytes;
  newer[8] = 9;
  EXPECT_THAT(decoding(newer), HasSubstr("expected checkpoint version 1, got 9"));
  EXPECT_THAT(decoding(bytes.substr(0, bytes.size() / 2)), HasSubstr("more bytes, got"));
  EXPECT_THAT(decoding(bytes + "x"), HasSubstr("expected the end, got 1 more bytes"));
  std::string flipped = bytes;
  flipped[100] ^= 1;
  EXPECT_THAT(decoding(flipped), HasSubstr("expected the SHA-256 at the end to match"));
  EXPECT_THAT(decoding(""), HasSubstr("expected a checkpoint of at least 52 bytes, got 0"));
}

TEST(Checkpoint, LyingLengthsUnderARightChecksumAreAnError) {
  // Every field of eight bytes in turn becomes huge; a length that was believed would end in a bad_alloc.
  const std::string bytes = encode(sample());
  const std::string content = bytes.substr(20, bytes.size() - 20 - 32);
  for (size_t i = 0; i + 8 <= content.size(); ++i) {
    std::string lying = content;
    std::fill_n(lying.begin() + static_cast<std::ptrdiff_t>(i), 8, '\x7f');
    try {
      decode(sealed(lying), "test.ckpt");
    } catch (const CheckpointError&) {
    }
  }
  ByteWriter many;
  many.raw(std::string(32, '\0'));  // seed, round, two empty texts
  many.u64(~uint64_t{0});           // sections
  EXPECT_THAT(decoding(sealed(many.take())), HasSubstr("more bytes, got 0"));
}

TEST(Checkpoint, RepeatedSectionsOrClientsAreAnError) {
  ByteWriter twice;
  twice.raw(std::string(32, '\0'));
  twice.u64(2);
  for (int i = 0; i < 2; ++i) {
    twice.text("arena");
    twice.text("");
  }
  twice.u64(0);
  EXPECT_THAT(decoding(sealed(twice.take())), HasSubstr("'arena' twice"));
}

TEST(Checkpoint, RandomBytesAreAnError) {
  RandomEngine engine = make_engine({.purpose = "checkpoint test"});
  for (int i = 0; i < 3000; ++i) {
    std::string noise(static_cast<size_t>(uniform_index(300, engine)), '\0');
    for (char& byte : noise) byte = static_cast<char>(uniform_index(256, engine));
    ASSERT_NE(decoding(noise), "no error");
    try {
      decode(sealed(noise), "test.ckpt");
    } catch (const CheckpointError&) {
    }
  }
}

TEST(CheckpointFolder, KeepsTheLastOnesAndGivesTheNewest) {
  const test::TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder / "checkpoints", 2);
  EXPECT_EQ(checkpoints.latest(), std::nullopt);
  for (const int64_t round : {8, 9, 10, 1000000}) checkpoints.save(sample(round));
  EXPECT_THAT(names_in(folder / "checkpoints"), ElementsAre("round-000010.ckpt", "round-1000000.ckpt"));
  EXPECT_EQ(checkpoints.latest("layout a"), sample(1000000));
}

TEST(CheckpointFolder, FallsBackWhenTheNewestIsCorrupt) {
  const test::TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path(), 3);
  for (const int64_t round : {1, 2, 3}) checkpoints.save(sample(round));
  flip_byte(folder / "round-000003.ckpt", 150);
  EXPECT_EQ(checkpoints.latest(), sample(2));
  std::filesystem::resize_file(folder / "round-000002.ckpt", 60);
  EXPECT_EQ(checkpoints.latest(), sample(1));
  write_file_atomically(folder / "round-000001.ckpt", "");
  EXPECT_THAT(error_of([&] { checkpoints.latest(); }), HasSubstr("expected an intact checkpoint, got none"));
}

TEST(CheckpointFolder, GoingOnFromAnOlderOneKeepsWhatIsWritten) {
  const test::TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path(), 1);
  checkpoints.save(sample(5));
  flip_byte(folder / "round-000005.ckpt", 150);
  checkpoints.save(sample(4));
  EXPECT_EQ(checkpoints.latest(), sample(4));
  checkpoints.save(sample(5));
  EXPECT_EQ(checkpoints.latest(), sample(5));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("round-000005.ckpt"));
}

TEST(CheckpointFolder, AnotherModelsCheckpointIsAnError) {
  const test::TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path(), 2);
  checkpoints.save(sample());
  EXPECT_THAT(error_of([&] { checkpoints.latest("layout z"); }), HasSubstr("layout layout z, got layout a"));
}

TEST(CheckpointFolder, OtherFilesAreLeftAlone) {
  const test::TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path(), 1);
  for (const char* const name : {"notes.txt", "round-x.ckpt", "round-12.ckpt.tmp9", "round--3.ckpt"}) {
    write_file_atomically(folder / name, "mine");
  }
  checkpoints.save(sample(1));
  checkpoints.save(sample(2));
  EXPECT_EQ(names_in(folder.path()).size(), 5u);
  EXPECT_EQ(checkpoints.latest(), sample(2));
}

TEST(CheckpointFolder, AFolderThatCannotBeMadeIsAnError) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "file", "");
  EXPECT_THROW(CheckpointFolder(folder / "file" / "checkpoints", 1), CheckpointError);
  EXPECT_THROW(CheckpointFolder(folder.path(), 0), ConfigError);
}

}  // namespace
}  // namespace archleak::server
