#include "wire/keys.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/support/paths.h"

namespace archleak::wire {
namespace {

using archleak::test::TemporaryFolder;
using testing::HasSubstr;

constexpr const char* kKey =
    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";  // the server's key in ZeroMQ's own documentation

std::filesystem::path write(const std::filesystem::path& file, const std::string& text, mode_t mode = 0600) {
  std::ofstream(file, std::ios::binary) << text;
  ::chmod(file.c_str(), mode);
  return file;
}

template <typename Read>
std::string error_of(Read read) {
  try {
    read();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

mode_t mode_of(const std::filesystem::path& file) {
  struct stat status {};
  EXPECT_EQ(::stat(file.c_str(), &status), 0);
  return status.st_mode & 0777;
}

TEST(Keys, APairBelongsTogetherAndIsNeverTheSameTwice) {
  const KeyPair pair = new_key_pair();
  EXPECT_EQ(public_key_of(pair.secret_key), pair.public_key);
  EXPECT_NE(pair.secret_key, pair.public_key);
  EXPECT_NE(new_key_pair().secret_key, pair.secret_key);
}

TEST(Keys, AFolderHoldsBothRolesAndOnlyTheirOwnersCanReadTheSecrets) {
  const TemporaryFolder folder;
  create_key_folder(folder / "keys");
  const CoordinatorKeys coordinator = read_coordinator_keys(folder / "keys");
  const WorkerKeys worker = read_worker_keys(folder / "keys");
  EXPECT_EQ(worker.coordinator, coordinator.own.public_key);
  EXPECT_THAT(coordinator.workers.keys(), testing::ElementsAre(worker.own.public_key));
  EXPECT_EQ(mode_of(folder / "keys/coordinator.key"), 0600);
  EXPECT_EQ(mode_of(folder / "keys/worker.key"), 0600);
  EXPECT_THAT(read_file(folder / "keys/worker.pub"), testing::StartsWith("# ArchLeak public key of worker\n"));
}

TEST(Keys, AreNeverOverwritten) {
  const TemporaryFolder folder;
  create_key_folder(folder.path());
  const std::string before = read_file(folder / "worker.key");
  EXPECT_THAT(error_of([&] { create_key_folder(folder.path()); }), HasSubstr("never overwritten"));
  EXPECT_THAT(error_of([&] { write_key_pair(folder / "worker", new_key_pair()); }), HasSubstr("never overwritten"));
  EXPECT_EQ(read_file(folder / "worker.key"), before);
}

TEST(Keys, ASecretThatOthersCanReadIsRefused) {
  const TemporaryFolder folder;
  write_key_pair(folder / "mine", new_key_pair());
  for (const mode_t mode : {0640, 0604, 0660}) {
    ::chmod((folder / "mine.key").c_str(), mode);
    EXPECT_THAT(error_of([&] { read_key_pair(folder / "mine.key"); }), HasSubstr("expected mode 600"));
  }
  ::chmod((folder / "mine.key").c_str(), 0400);
  EXPECT_NO_THROW(read_key_pair(folder / "mine.key"));
}

TEST(Keys, AMissingFileSaysHowToMakeOne) {
  EXPECT_THAT(error_of([] { read_public_key("/nowhere/worker.pub"); }), HasSubstr("archleak keys new"));
}

TEST(Keys, ARefusedKeyFileIsNamedWithItsLine) {
  const TemporaryFolder folder;
  const auto file = folder / "x.pub";
  EXPECT_THAT(error_of([&] { read_public_key(write(file, "# comment\nshort\n")); }),
              HasSubstr("x.pub:2: expected a key of 40 characters, got 5"));
  EXPECT_THAT(error_of([&] { read_public_key(write(file, std::string(40, '~') + "\n")); }), HasSubstr("Z85"));
  EXPECT_THAT(error_of([&] { read_public_key(write(file, "")); }), HasSubstr("expected one key, got 0"));
  EXPECT_THAT(error_of([&] { read_public_key(write(file, std::string(kKey) + "\n" + kKey)); }), HasSubstr("got 2"));
  EXPECT_EQ(read_public_key(write(file, std::string("\n#\n# a\n  ") + kKey + "  name\r\n")), kKey);
}

TEST(Keys, EveryTruncatedKeyFileIsRefused) {
  const TemporaryFolder folder;
  for (size_t size = 0; size < 40; ++size) {
    const auto file = write(folder / "x.pub", std::string(kKey).substr(0, size));
    ASSERT_NE(error_of([&] { read_public_key(file); }), "no error") << size;
  }
}

TEST(Keys, RandomBytesAreRefused) {
  const TemporaryFolder folder;
  RandomEngine engine = make_engine({.seed = 1, .purpose = "key files"});
  for (int i = 0; i < 300; ++i) {
    std::string bytes(static_cast<size_t>(uniform_index(100, engine)), '\0');
    for (auto& byte : bytes) byte = static_cast<char>(engine());
    const auto file = write(folder / "x", bytes);
    ASSERT_NE(error_of([&] { read_public_key(file); }), "no error") << i;
    ASSERT_NE(error_of([&] { KeyRing::load(file); }), "no error") << i;
    ASSERT_NE(error_of([&] { read_key_pair(file); }), "no error") << i;
  }
  write(folder / "huge", std::string((1 << 20) + 1, '\n'));
  EXPECT_THAT(error_of([&] { KeyRing::load(folder / "huge"); }), HasSubstr("at most"));
}

TEST(KeyRing, ListsKeysWithNamesAndComments) {
  const TemporaryFolder folder;
  const std::string other = new_key_pair().public_key;
  const auto file = write(folder / "allowed_workers",
                          "# workers\n\n" + std::string(kKey) + " cluster node 7\n #a comment\n" + other + "\n");
  const KeyRing ring = KeyRing::load(file);
  EXPECT_TRUE(ring.allows(kKey));
  EXPECT_TRUE(ring.allows(other));
  EXPECT_FALSE(ring.allows(new_key_pair().public_key));
}

TEST(KeyRing, NoKeyBeginsLikeAComment) {
  EXPECT_NE(error_of([] { check_key("#" + std::string(39, '0'), "here"); }), "no error");
}

TEST(KeyRing, AnEmptyListIsAnErrorBecauseNobodyCouldComeIn) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { KeyRing::load(write(folder / "allowed_workers", "# nobody\n")); }),
              HasSubstr("at least one worker's public key"));
}

}  // namespace
}  // namespace archleak::wire
