#include "defenses/secure_aggregation.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"
#include "core/random.h"
#include "defenses/secure_messages.h"

namespace archleak::defenses {
namespace {

constexpr const char* kMaskKey = "archleak pairwise mask";
constexpr const char* kSelfMask = "archleak self mask";

bool contains(std::span<const int64_t> sorted, int64_t client) {
  return std::binary_search(sorted.begin(), sorted.end(), client);
}

/// Throws ProtocolError unless `part` ascends and lies within what `in_whole` accepts.
template <typename InWhole>
void check_part(std::span<const int64_t> part, int64_t threshold, const char* what, const InWhole& in_whole) {
  const bool ascending = std::adjacent_find(part.begin(), part.end(), std::greater_equal<>()) == part.end();
  if (!ascending || !std::all_of(part.begin(), part.end(), in_whole)) {
    throw ProtocolError(fmt::format("secure aggregation: expected {}, got others or repetitions", what));
  }
  if (std::ssize(part) < threshold) {
    throw ProtocolError(
        fmt::format("secure aggregation: expected {}, at least {}, got {}", what, threshold, part.size()));
  }
}

void check_members(const SecureRoster& roster, std::span<const int64_t> members) {
  check_part(members, roster.threshold, "members of the roster", [&](int64_t client) {
    return std::any_of(roster.participants.begin(), roster.participants.end(),
                       [client](const Participant& participant) { return participant.client == client; });
  });
}

void check_survivors(const SecureRoster& roster, std::span<const int64_t> members, std::span<const int64_t> survivors) {
  check_members(roster, members);
  check_part(survivors, roster.threshold, "survivors among the members",
             [&](int64_t client) { return contains(members, client); });
}

/// What of two clients' common mask `mine` adds: it is the lower one that adds and the higher one that takes away.
int mask_sign(int64_t mine, int64_t other) {
  return mine < other ? 1 : -1;
}

/// The shares of one member, from `threshold` of those who revealed.
std::vector<Share> shares_of(size_t member, const SecureRoster& roster, std::span<const Revealed> revealed) {
  std::vector<Share> shares;
  for (const auto& [client, values] : revealed) {
    const Share& share = values[member];
    if (share.point != roster.place(client) + 1) {
      throw ProtocolError(fmt::format("secure aggregation: expected client {}'s own share, got another's", client));
    }
    shares.push_back(share);
  }
  return shares;
}

}  // namespace

size_t SecureRoster::place(int64_t client) const {
  const auto found = std::find_if(participants.begin(), participants.end(),
                                  [client](const Participant& participant) { return participant.client == client; });
  if (found == participants.end()) {
    throw ProtocolError(fmt::format("secure aggregation: expected a client of the roster, got {}", client));
  }
  return static_cast<size_t>(found - participants.begin());
}

void validate(const SecureRoster& roster) {
  const auto not_ascending = [](const Participant& a, const Participant& b) { return a.client >= b.client; };
  const auto& all = roster.participants;
  if (std::adjacent_find(all.begin(), all.end(), not_ascending) != all.end()) {
    throw ProtocolError("secure aggregation: expected a roster in the order of its clients, got another");
  }
  if (roster.threshold < 1 || roster.threshold > std::ssize(all)) {
    throw ProtocolError(
        fmt::format("secure aggregation: expected a threshold from 1 to {}, got {}", all.size(), roster.threshold));
  }
}

ClientSecrets simulated_secrets(uint64_t seed, uint64_t session, int64_t round, int64_t client) {
  const auto secret = [&](std::string_view purpose, bool of_one_round) {
    Secret from;
    for (size_t part = 0; part < 4; ++part) {
      StreamKey key{.seed = seed, .client = client, .purpose = purpose, .index = static_cast<int64_t>(part)};
      if (of_one_round) {
        key.round = round;
        key.index += static_cast<int64_t>(4 * session);
      }
      const uint64_t value = derive_seed(key);
      for (size_t i = 0; i < 8; ++i) from[8 * part + i] = static_cast<uint8_t>(value >> (8 * i));
    }
    return derive_secret(from, purpose);
  };
  return {.mask_key = secret("mask key", true),
          .share_key = secret("share key", false),
          .self_mask = secret("self mask", true),
          .sharing = secret("sharing", true)};
}

Participant introduce(int64_t client, const ClientSecrets& secrets) {
  return {.client = client, .mask_key = public_key(secrets.mask_key), .share_key = public_key(secrets.share_key)};
}

SecureClient::SecureClient(int64_t client, const ClientSecrets& secrets, SecureRoster roster)
    : client_(client), secrets_(secrets), roster_(std::move(roster)) {
  validate(roster_);
  if (roster_.participants[roster_.place(client)] != introduce(client, secrets)) {
    throw ProtocolError(
        fmt::format("secure aggregation: expected client {}'s own keys in the roster, got others", client));
  }
}

std::vector<Share> SecureClient::own_shares(const Secret& secret, std::string_view purpose) const {
  KeyStream random(derive_secret(secrets_.sharing, purpose));
  return split_secret(secret, roster_.threshold, std::ssize(roster_.participants), random);
}

Secret SecureClient::sealing_key(const Participant& other, int64_t from, int64_t to) const {
  return agree(secrets_.share_key, other.share_key,
               fmt::format("archleak shares {} {} {} {}", roster_.session, roster_.round, from, to));
}

std::vector<std::string> SecureClient::seal_shares() const {
  const auto key_shares = own_shares(secrets_.mask_key, kMaskKey);
  const auto self_shares = own_shares(secrets_.self_mask, kSelfMask);
  std::vector<std::string> sealed;
  for (size_t i = 0; i < roster_.participants.size(); ++i) {
    const Participant& other = roster_.participants[i];
    sealed.push_back(other.client == client_ ? std::string()
                                             : seal(sealing_key(other, client_, other.client),
                                                    encode_shares(std::vector{key_shares[i], self_shares[i]})));
  }
  return sealed;
}

void SecureClient::mask(std::span<uint64_t> values, std::span<const int64_t> members) const {
  check_members(roster_, members);
  if (!contains(members, client_)) {
    throw ProtocolError(fmt::format("secure aggregation: expected client {} among the members, got others", client_));
  }
  KeyStream(derive_secret(secrets_.self_mask, kSelfMask)).add_to(values, 1);
  for (const int64_t other : members) {
    if (other == client_) continue;
    const PublicKey& key = roster_.participants[roster_.place(other)].mask_key;
    KeyStream(agree(secrets_.mask_key, key, kMaskKey)).add_to(values, mask_sign(client_, other));
  }
}

std::vector<Share> SecureClient::reveal(std::span<const int64_t> members, std::span<const int64_t> survivors,
                                        std::span<const std::string> sealed) const {
  check_survivors(roster_, members, survivors);
  if (!contains(survivors, client_) || sealed.size() != members.size()) {
    throw ProtocolError(
        fmt::format("secure aggregation: expected client {} among the survivors and a share of each of {} "
                    "members, got others or {} shares",
                    client_, members.size(), sealed.size()));
  }
  const size_t own = roster_.place(client_);
  std::vector<Share> revealed;
  for (size_t i = 0; i < members.size(); ++i) {
    const Participant& other = roster_.participants[roster_.place(members[i])];
    if (other.client == client_) {
      revealed.push_back(own_shares(secrets_.self_mask, kSelfMask)[own]);
      continue;
    }
    const auto both = decode_shares(open_sealed(sealing_key(other, other.client, client_), sealed[i]));
    if (both.size() != 2) throw ProtocolError("secure aggregation: expected two sealed shares, got others");
    revealed.push_back(both[contains(survivors, other.client) ? 1 : 0]);
  }
  return revealed;
}

void unmask(std::span<uint64_t> sum, const SecureRoster& roster, std::span<const int64_t> members,
            std::span<const int64_t> survivors, std::span<const Revealed> revealed) {
  validate(roster);
  check_survivors(roster, members, survivors);
  for (const auto& [client, shares] : revealed) {
    if (!contains(survivors, client) || shares.size() != members.size()) {
      throw ProtocolError(fmt::format("secure aggregation: expected {} shares of a survivor, got {} of client {}",
                                      members.size(), shares.size(), client));
    }
  }
  std::vector<Secret> secrets;
  for (size_t i = 0; i < members.size(); ++i) {
    secrets.push_back(combine_shares(shares_of(i, roster, revealed), roster.threshold));
    const bool survived = contains(survivors, members[i]);
    if (!survived && public_key(secrets.back()) != roster.participants[roster.place(members[i])].mask_key) {
      throw ProtocolError(
          fmt::format("secure aggregation: expected shares of client {}'s key, got others", members[i]));
    }
  }
  std::vector<std::pair<Secret, int>> masks;  // what is left in the sum, and its sign
  for (size_t i = 0; i < members.size(); ++i) {
    if (contains(survivors, members[i])) {
      masks.emplace_back(derive_secret(secrets[i], kSelfMask), 1);
      continue;
    }
    for (const int64_t survivor : survivors) {
      const PublicKey& key = roster.participants[roster.place(survivor)].mask_key;
      masks.emplace_back(agree(secrets[i], key, kMaskKey), mask_sign(survivor, members[i]));
    }
  }
  for (const auto& [key, sign] : masks) KeyStream(key).add_to(sum, -sign);
}

}  // namespace archleak::defenses
