#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "defenses/secure_aggregation.h"

namespace archleak::defenses {

/// What the server tells a client in a round of secure aggregation. Sharing needs the roster alone, training the
/// members and what to train, revealing everything else.
struct SecureInstruction {
  SecureRoster roster;
  std::vector<int64_t> members;
  std::vector<int64_t> survivors;
  std::vector<std::string> sealed;  ///< the members' shares for this client
  std::string training;             ///< what the client trains, in the workload's own bytes
  bool operator==(const SecureInstruction&) const = default;
};

/// As bytes, and back: fixed-width little-endian, each list with its length in front. Decoding throws ProtocolError for
/// bytes that encoding cannot have made.
std::string encode_instruction(const SecureInstruction& instruction);
SecureInstruction decode_instruction(std::string_view bytes);

std::string encode_sealed(const std::vector<std::string>& sealed);
std::vector<std::string> decode_sealed(std::string_view bytes);

std::string encode_shares(const std::vector<Share>& shares);
std::vector<Share> decode_shares(std::string_view bytes);

}  // namespace archleak::defenses
