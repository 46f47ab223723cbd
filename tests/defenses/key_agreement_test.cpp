#include "defenses/key_agreement.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace archleak::defenses {
namespace {

Secret from_hex(std::string_view hex) {
  Secret secret;
  for (size_t i = 0; i < secret.size(); ++i) {
    secret[i] = static_cast<uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  }
  return secret;
}

// RFC 7748, section 6.1.
const Secret kAlice = from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
const Secret kBob = from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");

TEST(KeyAgreement, PublicKeysAreThoseOfTheStandard) {
  EXPECT_EQ(public_key(kAlice), from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
  EXPECT_EQ(public_key(kBob), from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
}

TEST(KeyAgreement, BothSidesGetOneSecretAPurposeThatNoThirdHas) {
  const Secret shared = agree(kAlice, public_key(kBob), "a");
  EXPECT_EQ(agree(kBob, public_key(kAlice), "a"), shared);
  EXPECT_NE(agree(kBob, public_key(kAlice), "b"), shared);
  const Secret third = derive_secret(kAlice, "third");
  EXPECT_NE(agree(third, public_key(kAlice), "a"), shared);
  EXPECT_NE(agree(third, public_key(kBob), "a"), shared);
  EXPECT_EQ(shared, derive_secret(from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"), "a"))
      << "the shared secret of the standard, through HKDF";
}

TEST(KeyAgreement, APublicKeyOfSmallOrderIsRefused) {
  EXPECT_THROW(agree(kAlice, PublicKey{}, "a"), ProtocolError);
}

TEST(Seal, OpensWithItsKeyAlone) {
  const std::string sealed = seal(kAlice, "two shares");
  EXPECT_EQ(open_sealed(kAlice, sealed), "two shares");
  EXPECT_EQ(sealed.find("shares"), std::string::npos);
  EXPECT_EQ(open_sealed(kAlice, seal(kAlice, "")), "");
  EXPECT_THROW(open_sealed(kBob, sealed), ProtocolError);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_THROW(open_sealed(kAlice, damaged), ProtocolError) << i;
    EXPECT_THROW(open_sealed(kAlice, sealed.substr(0, i)), ProtocolError) << i;
  }
}

TEST(KeyStream, GoesOnWhereItStopped) {
  std::vector<uint8_t> whole(30000);
  std::vector<uint8_t> parts(30000);
  KeyStream(kAlice).fill(whole);
  KeyStream stream(kAlice);
  stream.fill(std::span(parts).first(17));
  stream.fill(std::span(parts).subspan(17, 9000));
  stream.fill(std::span(parts).subspan(9017));
  EXPECT_EQ(parts, whole);
  KeyStream(kBob).fill(parts);
  EXPECT_NE(parts, whole);
}

TEST(KeyStream, WhatIsAddedIsTakenAwayAgainModuloTwoToThe64) {
  std::vector<uint64_t> values(5000, ~uint64_t{0} - 3);
  const auto before = values;
  KeyStream(kAlice).add_to(values, 1);
  EXPECT_NE(values, before);
  KeyStream(kAlice).add_to(values, -1);
  EXPECT_EQ(values, before);
}

}  // namespace
}  // namespace archleak::defenses
