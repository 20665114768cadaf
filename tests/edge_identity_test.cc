#include <gtest/gtest.h>

#include "edge/identity.h"
#include "tests/sip_fixture.h"

namespace edge {
namespace {

struct BindingWith : Binding {
  explicit BindingWith(std::string_view associated_uris) {
    SetIdentities("sip:registered@example.net", associated_uris, "");
  }
};

const Binding& ThreeNames() {
  static const BindingWith binding(
      "\"A, B\" <sip:alice@example.net>;x=y, <sip:+1555@example.net;user=phone>,<tel:+1555>");
  return binding;
}

std::string Asserted(const Binding& binding, std::string_view lines) {
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith(gmedge_test::WithCrlf(lines)));
  const AssertedIdentities asserted = AssertedIdentitiesOf(binding, parsed.message);
  const std::string second(asserted.second);
  return std::string(asserted.first) + (second.empty() ? "" : " and " + second);
}

TEST(EdgeIdentity, AnIdentityIsFoundByItsUri) {
  EXPECT_EQ(FindIdentity(ThreeNames(), "sip:alice@example.net"), 0);
  EXPECT_EQ(FindIdentity(ThreeNames(), "sip:+1555@example.net;user=phone"), 1);
  EXPECT_EQ(FindIdentity(ThreeNames(), "tel:+1555"), 2);
  EXPECT_EQ(FindIdentity(ThreeNames(), "SIP:Alice@Example.NET"), 0);
}

TEST(EdgeIdentity, WhatIsNotRegisteredIsNotFound) {
  for (const std::string_view uri : {"sip:bob@example.net", "sip:alice@example.net.evil",
                                     "tel:+155", "sip:alice@example.ne", "alice", "", "*"}) {
    EXPECT_EQ(FindIdentity(ThreeNames(), uri), -1) << uri;
  }
  EXPECT_EQ(FindIdentity(BindingWith(""), "sip:registered@example.net"), -1);
}

// Neither side can be read: that is no match.
TEST(EdgeIdentity, ABrokenMemberMatchesNothing) {
  const BindingWith binding("<sip:broken, <tel:+1>");
  EXPECT_EQ(FindIdentity(binding, ""), -1);
  EXPECT_EQ(Asserted(ThreeNames(), "P-Preferred-Identity: <sip:broken\n"), "sip:alice@example.net");
}

TEST(EdgeIdentity, APositionGivesItsUri) {
  EXPECT_EQ(IdentityAt(ThreeNames(), 0), "sip:alice@example.net");
  EXPECT_EQ(IdentityAt(ThreeNames(), 1), "sip:+1555@example.net;user=phone");
  EXPECT_EQ(IdentityAt(ThreeNames(), 2), "tel:+1555");
}

TEST(EdgeIdentity, AnyOtherPositionGivesTheDefault) {
  for (const int position : {-1, 3, 255}) {
    EXPECT_EQ(IdentityAt(ThreeNames(), position), "sip:alice@example.net") << position;
    EXPECT_EQ(IdentityAt(BindingWith(""), position), "sip:registered@example.net") << position;
  }
}

TEST(EdgeIdentity, APreferredIdentityThatIsRegisteredIsAsserted) {  // TS 24.229 5.2.6.3.
  EXPECT_EQ(Asserted(ThreeNames(), "P-Preferred-Identity: <tel:+1555>\n"), "tel:+1555");
  EXPECT_EQ(Asserted(ThreeNames(), "P-Preferred-Identity: \"Boss\" <SIP:ALICE@example.net>\n"),
            "sip:alice@example.net");  // As the core wrote it, without what the phone adds.
}

TEST(EdgeIdentity, AForeignPreferredIdentityIsNot) {
  EXPECT_EQ(Asserted(ThreeNames(), "P-Preferred-Identity: <sip:boss@example.net>\n"),
            "sip:alice@example.net");
  EXPECT_EQ(Asserted(ThreeNames(), ""), "sip:alice@example.net");
  EXPECT_EQ(Asserted(BindingWith(""), "P-Preferred-Identity: <sip:boss@example.net>\n"),
            "sip:registered@example.net");
}

TEST(EdgeIdentity, OfSeveralTheFirstRegisteredOfEachKindCount) {  // RFC 3325 9.1.
  EXPECT_EQ(Asserted(ThreeNames(),
                     "P-Preferred-Identity: <sip:boss@example.net>, <tel:+1555>\n"
                     "P-Preferred-Identity: <sip:alice@example.net>\n"),
            "tel:+1555 and sip:alice@example.net");
  EXPECT_EQ(Asserted(ThreeNames(),
                     "P-Preferred-Identity: <sip:alice@example.net>, "
                     "<sip:+1555@example.net;user=phone>\n"),
            "sip:alice@example.net");
}

TEST(EdgeIdentity, FromTakesNoPart) {  // From of the plain request is sip:a@example.net.
  EXPECT_EQ(Asserted(BindingWith("<tel:+1>, <sip:a@example.net>"), ""), "tel:+1");
}

}  // namespace
}  // namespace edge
