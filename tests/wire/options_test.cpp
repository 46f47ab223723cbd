#include "wire/options.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/support/paths.h"

namespace archleak::wire {
namespace {

using archleak::test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

TEST(WireOptions, AreReadFromTheConfiguration) {
  Config config = Config::parse("[wire]\nurl = \"tcp://*:7000\"\ncurve = \"off\"\n", "run.toml");
  WireOptions options;
  describe(config.section("wire"), options);
  config.reject_unknown();
  EXPECT_EQ(options.url, "tcp://*:7000");
  EXPECT_EQ(options.curve, Curve::off);
  EXPECT_EQ(options.keys, "keys");
}

TEST(WireOptions, OnlyAddressesThatOtherMachinesCanReachNeedKeys) {
  for (const char* url : {"inproc://x", "ipc:///tmp/x", "tcp://127.0.0.1:7000", "tcp://127.8.9.10:*",
                          "tcp://localhost:7000", "tcp://[::1]:7000", "tcp://10.0.0.1:0;127.0.0.1:7000"}) {
    EXPECT_FALSE(needs_curve(url)) << url;
  }
  for (const char* url : {"tcp://*:7000", "tcp://0.0.0.0:7000", "tcp://10.0.0.1:7000", "tcp://node7:7000",
                          "tcp://127.0.0.1.example.org:7000", "tcp://1270.0.1:7000", "tcp://[::]:7000",
                          "tcp://[fe80::1]:7", "tcp://localhost.example.org:1", "tcp://eth0:7000",
                          "tcp://127.0.0.1:0;10.0.0.1:7000", "udp://127.0.0.1:7000", "nonsense", ""}) {
    EXPECT_TRUE(needs_curve(url)) << url;
  }
}

TEST(WireOptions, AutomaticOnAndOff) {
  WireOptions options{.url = "tcp://*:7000"};
  EXPECT_TRUE(uses_curve(options));
  options.curve = Curve::off;
  EXPECT_FALSE(uses_curve(options));
  EXPECT_FALSE(coordinator_keys(options));
  options = {.url = "ipc://x", .curve = Curve::on};
  EXPECT_TRUE(uses_curve(options));
  options.url = "inproc://x";
  EXPECT_THROW(uses_curve(options), ConfigError);
}

TEST(WireOptions, APublicAddressWithoutKeysIsAnErrorThatSaysHowToMakeThem) {
  const TemporaryFolder folder;
  const WireOptions options{.url = "tcp://*:7000", .keys = (folder / "keys").string()};
  const auto error_of = [&](auto read) -> std::string {
    try {
      read(options);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  const auto says_how = AllOf(HasSubstr("tcp://*:7000"), HasSubstr("archleak keys new " + options.keys));
  EXPECT_THAT(error_of(coordinator_keys), says_how);
  EXPECT_THAT(error_of(worker_keys), says_how);
  create_key_folder(options.keys);
  EXPECT_EQ(worker_keys(options)->coordinator, coordinator_keys(options)->own.public_key);
}

TEST(WireOptions, LocalAddressesGoWithoutKeys) {
  EXPECT_FALSE(coordinator_keys({.url = "ipc://x", .keys = "/nowhere"}));
  EXPECT_FALSE(worker_keys({.url = "tcp://127.0.0.1:1", .keys = "/nowhere"}));
}

}  // namespace
}  // namespace archleak::wire
