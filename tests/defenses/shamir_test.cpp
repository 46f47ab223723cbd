#include "defenses/shamir.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "core/random.h"

namespace archleak::defenses {
namespace {

Secret secret_of(uint8_t seed) {
  return derive_secret(std::vector<uint8_t>{seed}, "test");
}

std::vector<Share> shares_of(const Secret& secret, int64_t threshold, int64_t holders, uint8_t seed = 9) {
  KeyStream random(secret_of(seed));
  return split_secret(secret, threshold, holders, random);
}

TEST(Shamir, AnySharesUpToTheThresholdGiveTheSecretBack) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "shamir"});
  for (const int64_t holders : {1, 2, 5, 17}) {
    for (int64_t threshold = 1; threshold <= holders; ++threshold) {
      Secret secret = secret_of(static_cast<uint8_t>(threshold));
      if (threshold == 1) secret.fill(0xff);
      const auto shares = shares_of(secret, threshold, holders);
      for (int trial = 0; trial < 5; ++trial) {
        std::vector<Share> some;
        for (const int64_t place : random_permutation(holders, engine)) some.push_back(shares[place]);
        some.resize(threshold + uniform_index(holders - threshold + 1, engine));
        EXPECT_EQ(combine_shares(some, threshold), secret);
      }
    }
  }
}

TEST(Shamir, FewerSharesThanTheThresholdFitEverySecret) {
  // At zero the fourth share counts -1 times, so moving its last part by a step moves the secret's last part by as
  // much: with the first three shares alone, every secret is possible.
  const auto shares = shares_of(secret_of(1), 4, 4);
  const std::vector<Share> three(shares.begin(), shares.begin() + 3);
  EXPECT_THROW(combine_shares(three, 4), ProtocolError);
  std::set<Secret> secrets;
  for (uint64_t step = 0; step < 200; ++step) {
    auto all = three;
    all.push_back(shares[3]);
    all[3].values[Share::kParts - 1] = (shares[3].values[Share::kParts - 1] + step) % ((uint64_t{1} << 61) - 1);
    try {
      secrets.insert(combine_shares(all, 4));
    } catch (const ProtocolError&) {  // more than four bytes: no secret of ours has that part
    }
  }
  EXPECT_GT(secrets.size(), 100u);
}

TEST(Shamir, SharesOfDifferentSecretsLookAlike) {
  // Each share alone is uniform: the mean over many draws is half the field, whatever the secret.
  for (const uint8_t filling : {0x00, 0xff}) {
    Secret secret;
    secret.fill(filling);
    double mean = 0;
    constexpr int kDraws = 400;
    KeyStream random(secret_of(5));
    for (int draw = 0; draw < kDraws; ++draw) {
      const auto shares = split_secret(secret, 2, 3, random);
      for (const uint64_t value : shares[2].values) mean += static_cast<double>(value) / (Share::kParts * kDraws);
    }
    EXPECT_NEAR(mean / 0x1p61, 0.5, 4 * 0.289 / std::sqrt(Share::kParts * kDraws));
  }
}

TEST(Shamir, WrongSharesAreRefused) {
  const auto shares = shares_of(secret_of(1), 3, 5);
  const auto others = shares_of(secret_of(2), 3, 5, 10);
  EXPECT_THROW(combine_shares(std::vector{shares[0], shares[1], shares[1]}, 3), ProtocolError);
  EXPECT_THROW(combine_shares(std::vector{shares[0], shares[1], others[2]}, 3), ProtocolError);
  EXPECT_THROW(combine_shares(std::vector{shares[0], shares[1]}, 3), ProtocolError);
  EXPECT_THROW(combine_shares({}, 0), ProtocolError);
  auto outside = shares;
  outside[0].values[2] = uint64_t{1} << 61;
  EXPECT_THROW(combine_shares(outside, 3), ProtocolError);
  outside = shares;
  outside[0].point = 0;
  EXPECT_THROW(combine_shares(outside, 3), ProtocolError);
}

TEST(Shamir, RefusesAThresholdThatNobodyCanMeet) {
  EXPECT_THROW(shares_of(secret_of(1), 0, 3), ConfigError);
  EXPECT_THROW(shares_of(secret_of(1), 4, 3), ConfigError);
}

}  // namespace
}  // namespace archleak::defenses
