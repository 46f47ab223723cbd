#include "client/client_state.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"

namespace archleak::client {
namespace {

ClientState sample() {
  return {.weight_optimizer = "momentum",
          .alpha_optimizer = std::string("a\0b", 3),
          .buffers = {1.5f, -2, 0},
          .residual = {7},
          .adversary = std::string("h\0", 2)};
}

TEST(ClientState, ComesBackFromItsBytes) {
  const ClientState state = ClientState::decode(sample().encode());
  EXPECT_EQ(state.weight_optimizer, "momentum");
  EXPECT_EQ(state.alpha_optimizer.size(), 3u);
  EXPECT_EQ(state.buffers, (std::vector<float>{1.5f, -2, 0}));
  EXPECT_EQ(state.residual, (std::vector<float>{7}));
  EXPECT_EQ(state.adversary, std::string("h\0", 2));
}

TEST(ClientState, AnEmptyStateIsNoBytes) {
  EXPECT_TRUE(ClientState().encode().empty());
  EXPECT_TRUE(ClientState::decode("").buffers.empty());
}

TEST(ClientState, EveryTruncationAndExtensionIsADataError) {
  const std::string bytes = sample().encode();
  for (size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_THROW(ClientState::decode(bytes.substr(0, length)), DataError) << length;
  }
  EXPECT_THROW(ClientState::decode(bytes + "x"), DataError);
}

TEST(ClientState, RandomBytesAreADataErrorOrAState) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "fuzz"});
  int refused = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bytes(1 + uniform_index(64, engine), '\0');
    for (char& byte : bytes) byte = static_cast<char>(engine());
    try {
      ClientState::decode(bytes);
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1990);
}

}  // namespace
}  // namespace archleak::client
