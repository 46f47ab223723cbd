#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "defenses/key_agreement.h"
#include "defenses/shamir.h"

namespace archleak::defenses {

/// Secure aggregation with double masking and recovery from drop-outs: Bonawitz et al., "Practical Secure Aggregation
/// for Privacy-Preserving Machine Learning" (2017), figure 4, against an honest-but-curious server.
///
/// In a round, every client u of the roster splits two secrets among all of them: the private key of its pairwise masks
/// and the seed of its self mask. Those whose shares came (the members) add to their fixed-point update, modulo 2^64,
/// their self mask and, for every other member v, a mask that v takes away. Once the server knows whose masked updates
/// came (the survivors), each survivor gives it a share of every survivor's self mask and of every other member's key,
/// never of both of one client. From `threshold` survivors the server takes away what is left, and has the exact sum of
/// the survivors' updates; of the single ones it learns nothing, unless it colludes with `threshold` clients.

/// A client as others see it. The second key seals shares; it may outlive a round, the first one may not.
struct Participant {
  int64_t client = 0;
  PublicKey mask_key{};
  PublicKey share_key{};
  bool operator==(const Participant&) const = default;
};

/// Who takes part in one round.
struct SecureRoster {
  uint64_t session = 0;  ///< distinguishes attempts at the same round: keys are used once
  int64_t round = 0;
  int64_t threshold = 1;
  std::vector<Participant> participants;  ///< ascending by client
  bool operator==(const SecureRoster&) const = default;

  /// The client's place. Throws ProtocolError if it takes no part.
  size_t place(int64_t client) const;
};

/// Throws ProtocolError unless the clients ascend, the threshold is from 1 to their number.
void validate(const SecureRoster& roster);

/// What one client keeps to itself in one round.
struct ClientSecrets {
  Secret mask_key;   ///< private key of its pairwise masks
  Secret share_key;  ///< private key that others seal their shares to
  Secret self_mask;  ///< seed of its self mask
  Secret sharing;    ///< seed of what its shares are drawn from
};

/// The secrets of a simulated client. They are derived from the run's seed, so that any worker can stand for any
/// client: whoever knows the seed knows them. A device would draw them from its operating system.
ClientSecrets simulated_secrets(uint64_t seed, uint64_t session, int64_t round, int64_t client);

/// The public part of a client's secrets.
Participant introduce(int64_t client, const ClientSecrets& secrets);

/// One client in one round. Purely functional: every call gives the same for the same arguments.
class SecureClient {
 public:
  /// Throws ProtocolError for a roster that is not valid or does not hold this client with these keys.
  SecureClient(int64_t client, const ClientSecrets& secrets, SecureRoster roster);

  /// Its shares, sealed for each participant in the roster's order; its own is empty.
  std::vector<std::string> seal_shares() const;

  /// Masks its fixed-point update in place, modulo 2^64. `members` (ascending) are those whose shares came. Throws
  /// ProtocolError unless they are enough participants and this client is among them.
  void mask(std::span<uint64_t> values, std::span<const int64_t> members) const;

  /// Its shares for the unmasking, one for each member in their order: of a survivor's self mask, of another's key.
  /// `sealed` are the members' shares for this client. Throws ProtocolError unless survivors are enough members and
  /// this client is among them, and for shares that it cannot open.
  std::vector<Share> reveal(std::span<const int64_t> members, std::span<const int64_t> survivors,
                            std::span<const std::string> sealed) const;

 private:
  std::vector<Share> own_shares(const Secret& secret, std::string_view purpose) const;
  Secret sealing_key(const Participant& other, int64_t from, int64_t to) const;

  int64_t client_;
  ClientSecrets secrets_;
  SecureRoster roster_;
};

/// What a survivor revealed.
struct Revealed {
  int64_t client = 0;
  std::vector<Share> shares;  ///< one for each member
};

/// Takes the masks off the sum of the survivors' masked updates, modulo 2^64. Throws ProtocolError, leaving the sum as
/// it was, for fewer revealing survivors than the threshold, and for shares that are missing, repeated or wrong.
void unmask(std::span<uint64_t> sum, const SecureRoster& roster, std::span<const int64_t> members,
            std::span<const int64_t> survivors, std::span<const Revealed> revealed);

}  // namespace archleak::defenses
