#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace archleak::defenses {

/// 256 bits that only their owner knows: a private key, or a key of a cipher.
using Secret = std::array<uint8_t, 32>;
using PublicKey = std::array<uint8_t, 32>;

/// A new secret from another one and a purpose: HKDF-SHA256 (RFC 5869).
Secret derive_secret(std::span<const uint8_t> from, std::string_view purpose);

/// The X25519 public key of a private one (RFC 7748).
PublicKey public_key(const Secret& mine);

/// What both owners of a pair of keys know and nobody else: X25519, then HKDF-SHA256 with the purpose. Throws
/// ProtocolError for a public key that gives nothing secret (a point of small order).
Secret agree(const Secret& mine, const PublicKey& theirs, std::string_view purpose);

/// Encrypts and authenticates `text`: AES-256-GCM. A key must seal one text only, which is why the nonce can be zero.
std::string seal(const Secret& key, std::string_view text);

/// The inverse. Throws ProtocolError for anything that `seal` did not make with this key.
std::string open_sealed(const Secret& key, std::string_view sealed);

/// A pseudo-random stream: AES-256 in counter mode under `key`, from its start.
class KeyStream {
 public:
  explicit KeyStream(const Secret& key);
  ~KeyStream();
  KeyStream(const KeyStream&) = delete;
  KeyStream& operator=(const KeyStream&) = delete;

  /// The next bytes of the stream.
  void fill(std::span<uint8_t> bytes);

  /// Adds (`sign` 1) or subtracts (-1) the next numbers of the stream, modulo 2^64.
  void add_to(std::span<uint64_t> values, int sign);

 private:
  void* context_;  // EVP_CIPHER_CTX
};

}  // namespace archleak::defenses
