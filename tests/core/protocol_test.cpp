#include "core/protocol.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace archleak {
namespace {

using testing::HasSubstr;

UpdateLayout layout_of(ProtocolOptions options) {
  return update_layout(options, 100, 10, 5);
}

TEST(Protocol, AnUpdateHoldsWhatItsProtocolSays) {
  for (const Protocol protocol : {Protocol::gradient, Protocol::delta, Protocol::weights}) {
    EXPECT_EQ(layout_of({.protocol = protocol}).size(), 115);
    EXPECT_EQ(layout_of({.protocol = protocol}).trained(), 110);
    EXPECT_EQ(layout_of({.protocol = protocol, .batch_norm = BatchNormPolicy::local}).size(), 110);
  }
  const auto server_alpha = layout_of({.protocol = Protocol::server_alpha});
  EXPECT_EQ(server_alpha.alpha, 0);
  EXPECT_EQ(server_alpha.size(), 105);
}

TEST(Protocol, WithheldWeightsLeaveAlphaAlone) {
  const auto layout = layout_of({.protocol = Protocol::gradient, .withhold_weights = true});
  EXPECT_EQ(layout.weights, 0);
  EXPECT_EQ(layout.alpha, 10);
  EXPECT_EQ(layout.buffers, 0);
}

TEST(Protocol, AnUpdateThatHoldsNothingIsAConfigError) {
  EXPECT_THROW(layout_of({.protocol = Protocol::server_alpha, .withhold_weights = true}), ConfigError);
  EXPECT_THROW(update_layout({.withhold_weights = true}, 100, 0, 5), ConfigError);
  Config config = Config::parse("[p]\nprotocol = \"server_alpha\"\nwithhold_weights = true\n", "run.toml");
  ProtocolOptions options;
  EXPECT_THROW(describe(config.section("p"), options), ConfigError);
}

TEST(Protocol, TheDocumentSetsEveryOption) {
  Config config = Config::parse(
      "[p]\nprotocol = \"delta\"\nwithhold_weights = true\nbatch_norm = \"local\"\nfidelity = \"fused\"\n"
      "weighting = \"uniform\"\nscale_bits = 40\n",
      "run.toml");
  ProtocolOptions options;
  describe(config.section("p"), options);
  config.reject_unknown();
  EXPECT_EQ(options.protocol, Protocol::delta);
  EXPECT_TRUE(options.withhold_weights);
  EXPECT_EQ(options.batch_norm, BatchNormPolicy::local);
  EXPECT_EQ(options.fidelity, Fidelity::fused);
  EXPECT_EQ(options.weighting, Weighting::uniform);
  EXPECT_EQ(options.scale_bits, 40);
}

TEST(Protocol, SecureAggregationIsOfSingleUpdatesThatAreSummed) {
  const auto error_of = [](const std::string& more) -> std::string {
    Config config = Config::parse("[p]\nsecure_aggregation = true\n" + more, "run.toml");
    ProtocolOptions options;
    try {
      describe(config.section("p"), options);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of(""), "no error");
  EXPECT_THAT(error_of("fidelity = \"fused\"\n"), HasSubstr("workers add plain updates up"));
  EXPECT_THAT(error_of("protocol = \"server_alpha\"\n"), HasSubstr("that one client alone has trained"));
  EXPECT_THAT(error_of("secure_threshold = 0.0\n"), HasSubstr("secure_threshold"));
}

TEST(Protocol, AnUpdateCountsItsSamplesOrOne) {
  EXPECT_EQ(update_weight(Weighting::samples, 17), 17);
  EXPECT_EQ(update_weight(Weighting::uniform, 17), 1);
}

}  // namespace
}  // namespace archleak
