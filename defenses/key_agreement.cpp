#include "defenses/key_agreement.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "core/error.h"

namespace archleak::defenses {
namespace {

constexpr size_t kTagBytes = 16;
constexpr std::array<uint8_t, 16> kNoNonce{};

template <typename T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Release<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, Release<EVP_KDF, EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Release<EVP_KDF_CTX, EVP_KDF_CTX_free>>;

/// What cannot fail but for a broken OpenSSL.
void must(bool done, const char* what) {
  if (!done) throw Error(std::string("OpenSSL: expected ") + what + " to work, got a failure");
}

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

Key private_key(const Secret& mine) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, mine.data(), mine.size()));
  must(key != nullptr, "X25519");
  return key;
}

EVP_CIPHER_CTX* context_of(void* context) {
  return static_cast<EVP_CIPHER_CTX*>(context);
}

}  // namespace

Secret derive_secret(std::span<const uint8_t> from, std::string_view purpose) {
  const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const KdfContext context(EVP_KDF_CTX_new(kdf.get()));
  must(context != nullptr, "HKDF");
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<uint8_t*>(from.data()), from.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(purpose.data()), purpose.size()),
      OSSL_PARAM_construct_end()};
  Secret secret;
  must(EVP_KDF_derive(context.get(), secret.data(), secret.size(), parameters) == 1, "HKDF");
  return secret;
}

PublicKey public_key(const Secret& mine) {
  PublicKey key;
  size_t size = key.size();
  must(EVP_PKEY_get_raw_public_key(private_key(mine).get(), key.data(), &size) == 1, "X25519");
  return key;
}

Secret agree(const Secret& mine, const PublicKey& theirs, std::string_view purpose) {
  const Key key = private_key(mine);
  const Key peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, theirs.data(), theirs.size()));
  const KeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  must(peer && context && EVP_PKEY_derive_init(context.get()) == 1, "X25519");
  Secret shared;
  size_t size = shared.size();
  if (EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), shared.data(), &size) != 1) {
    throw ProtocolError("key agreement: expected a public key of X25519, got one that gives no secret");
  }
  return derive_secret(shared, purpose);
}

std::string seal(const Secret& key, std::string_view text) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  must(context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), kNoNonce.data()) == 1,
       "AES-GCM");
  std::string sealed(text.size() + kTagBytes, '\0');
  auto* const out = reinterpret_cast<uint8_t*>(sealed.data());
  int size = 0;
  must(EVP_EncryptUpdate(context.get(), out, &size, bytes_of(text), static_cast<int>(text.size())) == 1 &&
           EVP_EncryptFinal_ex(context.get(), out + size, &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, out + text.size()) == 1,
       "AES-GCM");
  return sealed;
}

std::string open_sealed(const Secret& key, std::string_view sealed) {
  if (sealed.size() < kTagBytes) throw ProtocolError("sealed text: expected at least 16 bytes, got fewer");
  const CipherContext context(EVP_CIPHER_CTX_new());
  must(context && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), kNoNonce.data()) == 1,
       "AES-GCM");
  const std::string_view body = sealed.substr(0, sealed.size() - kTagBytes);
  std::string tag(sealed.substr(body.size()));
  std::string text(body.size(), '\0');
  auto* const out = reinterpret_cast<uint8_t*>(text.data());
  int size = 0;
  const bool authentic =
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), out, &size, bytes_of(body), static_cast<int>(body.size())) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out + size, &size) == 1;
  if (!authentic) throw ProtocolError("sealed text: expected one sealed with this key, got another");
  return text;
}

KeyStream::KeyStream(const Secret& key) : context_(EVP_CIPHER_CTX_new()) {
  must(context_ &&
           EVP_EncryptInit_ex(context_of(context_), EVP_aes_256_ctr(), nullptr, key.data(), kNoNonce.data()) == 1,
       "AES-CTR");
}

KeyStream::~KeyStream() {
  EVP_CIPHER_CTX_free(context_of(context_));
}

void KeyStream::fill(std::span<uint8_t> bytes) {
  static constexpr std::array<uint8_t, 8192> kZeros{};
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kZeros.size()));
    int size = 0;
    must(EVP_EncryptUpdate(context_of(context_), part.data(), &size, kZeros.data(), static_cast<int>(part.size())) == 1,
         "AES-CTR");
    bytes = bytes.subspan(part.size());
  }
}

void KeyStream::add_to(std::span<uint64_t> values, int sign) {
  std::array<uint64_t, 1024> numbers;
  while (!values.empty()) {
    const auto part = values.first(std::min(values.size(), numbers.size()));
    fill({reinterpret_cast<uint8_t*>(numbers.data()), part.size() * sizeof(uint64_t)});
    for (size_t i = 0; i < part.size(); ++i) part[i] += sign > 0 ? numbers[i] : 0 - numbers[i];
    values = values.subspan(part.size());
  }
}

}  // namespace archleak::defenses
