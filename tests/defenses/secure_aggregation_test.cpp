#include "defenses/secure_aggregation.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/fixed_point.h"
#include "core/random.h"
#include "defenses/secure_messages.h"

namespace archleak::defenses {
namespace {

using testing::HasSubstr;
using Ring = std::vector<uint64_t>;

/// One round among clients 3, 6, 9, ..., up to the unmasking.
struct Round {
  static constexpr uint64_t kSeed = 5;
  SecureRoster roster{.session = 2, .round = 7};
  std::vector<int64_t> clients;

  Round(int64_t count, int64_t threshold) {
    roster.threshold = threshold;
    for (int64_t i = 0; i < count; ++i) {
      clients.push_back(3 * (i + 1));
      roster.participants.push_back(introduce(clients.back(), secrets(clients.back())));
    }
  }

  ClientSecrets secrets(int64_t client) const { return simulated_secrets(kSeed, roster.session, roster.round, client); }
  SecureClient client(int64_t id) const { return {id, secrets(id), roster}; }

  /// A survivor's part of the unmasking.
  Revealed reveal(int64_t id, const std::vector<int64_t>& members, const std::vector<int64_t>& survivors) const {
    std::vector<std::string> sealed;
    for (const int64_t member : members) sealed.push_back(client(member).seal_shares()[roster.place(id)]);
    return {id, client(id).reveal(members, survivors, sealed)};
  }

  std::vector<Revealed> reveal_all(const std::vector<int64_t>& members, const std::vector<int64_t>& survivors) const {
    std::vector<Revealed> all;
    for (const int64_t id : survivors) all.push_back(reveal(id, members, survivors));
    return all;
  }
};

Ring fixed_point_update(int64_t client, size_t size = 40) {
  RandomEngine engine = make_engine({.seed = 8, .client = client, .purpose = "update"});
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(20 * (uniform(engine) - 0.5));
  FixedPointSum sum(size, 32);
  sum.add(values, 1 + client);
  return {sum.sums().begin(), sum.sums().end()};
}

void add(Ring& sum, const Ring& values) {
  sum.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
}

/// A random ascending part of `clients`, at least `least` of them.
std::vector<int64_t> part(const std::vector<int64_t>& clients, int64_t least, RandomEngine& engine) {
  std::vector<int64_t> some;
  for (const int64_t place : random_permutation(std::ssize(clients), engine)) some.push_back(clients[place]);
  some.resize(least + uniform_index(std::ssize(clients) - least + 1, engine));
  std::sort(some.begin(), some.end());
  return some;
}

TEST(SecureAggregation, AnySurvivorsAboveTheThresholdGiveTheirExactSum) {
  RandomEngine engine = make_engine({.seed = 2, .purpose = "subsets"});
  for (int trial = 0; trial < 40; ++trial) {
    const int64_t count = 1 + uniform_index(9, engine);
    const Round round(count, 1 + uniform_index(count, engine));
    const auto members = part(round.clients, round.roster.threshold, engine);
    const auto survivors = part(members, round.roster.threshold, engine);
    Ring sum;
    Ring plain;
    for (const int64_t client : survivors) {
      Ring update = fixed_point_update(client);
      add(plain, update);
      round.client(client).mask(update, members);
      add(sum, update);
    }
    // Any `threshold` of the survivors are enough to take the masks off.
    const auto revealing = part(survivors, round.roster.threshold, engine);
    std::vector<Revealed> revealed;
    for (const int64_t client : revealing) revealed.push_back(round.reveal(client, members, survivors));
    unmask(sum, round.roster, members, survivors, revealed);
    EXPECT_EQ(sum, plain) << count << " clients, " << members.size() << " members, " << survivors.size()
                          << " survivors";
  }
}

TEST(SecureAggregation, ASingleMaskedUpdateLooksUniform) {
  const Round round(4, 3);
  const Ring plain = fixed_point_update(6, 50000);
  Ring masked = plain;
  round.client(6).mask(masked, round.clients);
  std::vector<double> counts(256);
  const auto* bytes = reinterpret_cast<const uint8_t*>(masked.data());
  for (size_t i = 0; i < masked.size() * 8; ++i) ++counts[bytes[i]];
  const double expected = static_cast<double>(masked.size()) * 8 / 256;
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - expected) * (count - expected) / expected;
  // 255 degrees of freedom: mean 255, standard deviation 22.6.
  EXPECT_GT(chi_square, 255 - 4 * 22.6);
  EXPECT_LT(chi_square, 255 + 4 * 22.6);

  double xy = 0;
  double xx = 0;
  double yy = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    const auto x = static_cast<double>(static_cast<int64_t>(plain[i]));
    const auto y = static_cast<double>(static_cast<int64_t>(masked[i]));
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  EXPECT_LT(std::abs(xy / std::sqrt(xx * yy)), 4 / std::sqrt(50000));
}

TEST(SecureAggregation, WithoutTheSelfMasksOrAPairwiseMaskTheSumIsStillHidden) {
  const Round round(4, 3);
  Ring sum;
  Ring plain;
  const std::vector<int64_t> survivors{3, 6, 9};
  for (const int64_t client : survivors) {
    Ring update = fixed_point_update(client);
    add(plain, update);
    round.client(client).mask(update, round.clients);
    add(sum, update);
  }
  EXPECT_NE(sum, plain);
  // Somebody who takes off all self masks, but not the dropped client's pairwise masks, has none of the values.
  for (const int64_t client : survivors) {
    KeyStream(derive_secret(round.secrets(client).self_mask, "archleak self mask")).add_to(sum, -1);
  }
  for (size_t i = 0; i < sum.size(); ++i) EXPECT_NE(sum[i], plain[i]);
}

TEST(SecureAggregation, AnotherSessionOrRoundHasOtherMasks) {
  const auto masked = [](uint64_t session, int64_t number) {
    Round round(2, 2);
    round.roster.session = session;
    round.roster.round = number;
    for (auto& participant : round.roster.participants) {
      participant = introduce(participant.client, round.secrets(participant.client));
    }
    Ring values(4);
    round.client(3).mask(values, round.clients);
    return values;
  };
  EXPECT_EQ(masked(1, 1), masked(1, 1));
  EXPECT_NE(masked(1, 1), masked(2, 1));
  EXPECT_NE(masked(1, 1), masked(1, 2));
}

TEST(SecureAggregation, ASurvivorNeverRevealsBothSecretsOfOneClient) {
  const Round round(5, 2);
  const std::vector<int64_t> survivors{3, 6, 9};
  const auto with = round.reveal(3, round.clients, survivors);
  const auto without = round.reveal(3, round.clients, {3, 9});
  EXPECT_NE(with.shares[1], without.shares[1]) << "of client 6: its self mask when it survived, else its key";
  EXPECT_EQ(with.shares[2], without.shares[2]);
  EXPECT_EQ(with.shares.size(), 5u);
}

/// The message of the ProtocolError that `action` ends with.
template <typename Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const ProtocolError& error) {
    return error.what();
  }
  return "no error";
}

TEST(SecureAggregation, TooFewSurvivorsGiveNothing) {
  const Round round(5, 3);
  const std::vector<int64_t> survivors{3, 6, 9};
  auto revealed = round.reveal_all(round.clients, survivors);
  revealed.pop_back();
  Ring sum(4);
  EXPECT_THAT(error_of([&] { unmask(sum, round.roster, round.clients, survivors, revealed); }),
              HasSubstr("expected at least 3, got 2"));
  EXPECT_THAT(error_of([&] {
                unmask(sum, round.roster, round.clients, std::vector<int64_t>{3, 6}, revealed);
              }),
              HasSubstr("survivors among the members, at least 3, got 2"));
  EXPECT_THAT(error_of([&] { round.reveal(3, round.clients, {3, 6}); }), HasSubstr("at least 3, got 2"));
  EXPECT_THAT(error_of([&] { round.client(3).mask(sum, std::vector<int64_t>{3, 6}); }), HasSubstr("at least 3, got 2"));
  EXPECT_EQ(sum, Ring(4));
}

TEST(SecureAggregation, WrongSharesAreErrorsAndLeaveTheSumAsItWas) {
  const Round round(5, 3);
  const std::vector<int64_t> survivors{3, 6, 12};
  const auto good = round.reveal_all(round.clients, survivors);
  Ring sum{1, 2, 3};
  const auto error_with = [&](const auto& change) {
    auto revealed = good;
    change(revealed);
    const std::string error = error_of([&] { unmask(sum, round.roster, round.clients, survivors, revealed); });
    EXPECT_EQ(sum, (Ring{1, 2, 3}));
    return error;
  };
  EXPECT_THAT(error_with([](auto& all) { all[1].shares.pop_back(); }), HasSubstr("expected 5 shares of a survivor"));
  EXPECT_THAT(error_with([](auto& all) { all[1].client = 9; }), HasSubstr("of a survivor"));
  EXPECT_THAT(error_with([](auto& all) { all[1] = all[0]; }), HasSubstr("two of holder 1"));
  EXPECT_THAT(error_with([](auto& all) { all[1].shares = all[0].shares; }), HasSubstr("own share"));
  EXPECT_THAT(error_with([](auto& all) { all[2].shares[0].values[1] ^= 1; }), HasSubstr("belong together"));
  EXPECT_THAT(error_with([](auto& all) { all[2].shares[0].values[1] = ~uint64_t{0}; }), HasSubstr("2^61 - 1"));
  const auto swap = [](auto& all) {
    for (auto& revealed : all) std::swap(revealed.shares[0], revealed.shares[2]);  // a survivor's and a dropped one's
  };
  EXPECT_THAT(error_with(swap), HasSubstr("shares of client 9's key"));
  unmask(sum, round.roster, round.clients, survivors, good);
  EXPECT_NE(sum, (Ring{1, 2, 3}));
}

TEST(SecureAggregation, AClientRefusesWhatDoesNotConcernIt) {
  const Round round(4, 2);
  Ring values(2);
  EXPECT_THAT(error_of([&] { round.client(3).mask(values, std::vector<int64_t>{6, 9}); }), HasSubstr("client 3 among"));
  EXPECT_THAT(error_of([&] { round.client(3).mask(values, std::vector<int64_t>{3, 7}); }), HasSubstr("the roster"));
  EXPECT_THAT(error_of([&] { round.client(3).mask(values, std::vector<int64_t>{6, 3}); }), HasSubstr("repetitions"));
  EXPECT_THAT(error_of([&] { SecureClient(3, round.secrets(6), round.roster); }), HasSubstr("own keys"));
  EXPECT_THAT(error_of([&] { SecureClient(4, round.secrets(4), round.roster); }), HasSubstr("client of the roster"));
  const std::vector<std::string> foreign(4, round.client(9).seal_shares()[1]);
  EXPECT_THAT(error_of([&] { round.client(3).reveal(round.clients, round.clients, foreign); }), HasSubstr("sealed"));
  auto twice = round.roster;
  twice.participants[1] = twice.participants[0];
  EXPECT_THAT(error_of([&] { validate(twice); }), HasSubstr("order of its clients"));
  auto greedy = round.roster;
  greedy.threshold = 5;
  EXPECT_THAT(error_of([&] { validate(greedy); }), HasSubstr("threshold from 1 to 4, got 5"));
}

TEST(SecureMessages, ComeBackAsTheyWere) {
  const Round round(3, 2);
  const SecureInstruction instruction{.roster = round.roster,
                                      .members = round.clients,
                                      .survivors = {3, 9},
                                      .sealed = round.client(6).seal_shares(),
                                      .training = "a sub-network"};
  EXPECT_EQ(decode_instruction(encode_instruction(instruction)), instruction);
  EXPECT_EQ(decode_instruction(encode_instruction({})), SecureInstruction{});
  EXPECT_EQ(decode_sealed(encode_sealed(instruction.sealed)), instruction.sealed);
  const auto shares = round.reveal(3, round.clients, round.clients).shares;
  EXPECT_EQ(decode_shares(encode_shares(shares)), shares);
}

TEST(SecureMessages, DamagedBytesAreAProtocolError) {
  const Round round(2, 2);
  const std::string instruction = encode_instruction({.roster = round.roster,
                                                      .members = round.clients,
                                                      .survivors = {3},
                                                      .sealed = {"a", ""},
                                                      .training = "a sub-network"});
  const std::string sealed = encode_sealed({"abc", "d"});
  const std::string shares = encode_shares({Share{}, Share{}});
  for (size_t length = 0; length < instruction.size(); ++length) {
    EXPECT_THROW(decode_instruction(instruction.substr(0, length)), ProtocolError) << length;
  }
  for (size_t length = 0; length < sealed.size(); ++length) {
    EXPECT_THROW(decode_sealed(sealed.substr(0, length)), ProtocolError) << length;
  }
  for (size_t length = 0; length < shares.size(); ++length) {
    EXPECT_THROW(decode_shares(shares.substr(0, length)), ProtocolError) << length;
  }
  EXPECT_THROW(decode_instruction(instruction + "x"), ProtocolError);
  EXPECT_THROW(decode_sealed(sealed + "x"), ProtocolError);
  EXPECT_THROW(decode_shares(shares + "x"), ProtocolError);
  RandomEngine engine = make_engine({.seed = 1, .purpose = "fuzz"});
  for (int trial = 0; trial < 5000; ++trial) {
    std::string mutated = instruction;
    for (int64_t changes = 1 + uniform_index(6, engine); changes > 0; --changes) {
      mutated[uniform_index(std::ssize(mutated), engine)] = static_cast<char>(engine());
    }
    try {
      validate(decode_instruction(mutated).roster);
    } catch (const ProtocolError&) {
    }
  }
}

}  // namespace
}  // namespace archleak::defenses
