#include <gtest/gtest.h>

#include "edge/identity.h"
#include "edge/limits.h"
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

TEST(EdgeIdentity, ASipUriIsPreferredForRequestsToIt) {
  EXPECT_EQ(SipIdentity(BindingWith("<tel:+1>, <sip:a@x>, <sip:b@x>")), "sip:a@x");
  EXPECT_EQ(SipIdentity(BindingWith("<tel:+1>")), "sip:registered@example.net");
  EXPECT_EQ(SipIdentity(BindingWith("")), "sip:registered@example.net");
}

// A registered phone whose 200s came in this order.
struct Registered : Binding {
  Registered() { SetImpi("alice"); }
  void On200(std::string_view identity, std::string_view associated) {
    Associate(this, identity, associated, "<sip:route>");
    registered_until_ms = 1;
  }
  std::string All() const {
    std::string all;
    for (int i = 0; i == 0 || IdentityAt(*this, i) != IdentityAt(*this, -1); ++i) {
      all += (i == 0 ? "" : " ") + std::string(IdentityAt(*this, i));
    }
    return all;
  }
};

TEST(EdgeIdentity, ARefreshReplacesTheListAndAnotherIdentityAddsOne) {
  Registered binding;
  binding.On200("sip:a@x", "<sip:a@x>, <tel:1>");
  binding.On200("sip:a@x", "<sip:a@x>, <tel:2>");
  EXPECT_EQ(binding.All(), "sip:a@x tel:2");
  binding.On200("sip:b@x", "<sip:b@x>,\r\n <tel:3>");
  EXPECT_EQ(binding.All(), "sip:a@x tel:2 sip:b@x tel:3");
  binding.On200("sip:a@x", "<sip:a@x>");
  EXPECT_EQ(binding.All(), "sip:a@x sip:b@x tel:3");
  EXPECT_EQ(binding.default_identity(), "sip:a@x");
  EXPECT_EQ(binding.service_route(), "<sip:route>");
}

TEST(EdgeIdentity, ABarredIdentityStandsForItsList) {
  Registered binding;
  binding.On200("sip:barred@x", "<tel:1>");
  binding.On200("sip:barred@x", "<tel:2>");
  EXPECT_EQ(binding.All(), "tel:2");
  binding.On200("sip:b@x", "");
  EXPECT_EQ(binding.All(), "tel:2 sip:b@x");
  EXPECT_TRUE(Dissociate(&binding, "sip:barred@x"));
  EXPECT_EQ(binding.All(), "sip:b@x");
  EXPECT_EQ(binding.default_identity(), "sip:b@x");
}

TEST(EdgeIdentity, OneListOfSeveralCanGoAndTheLastCannot) {
  Registered binding;
  binding.On200("sip:a@x", "");
  EXPECT_FALSE(Dissociate(&binding, "sip:a@x"));
  binding.On200("sip:b@x", "<sip:b@x>, <tel:3>");
  EXPECT_EQ(binding.All(), "sip:a@x sip:b@x tel:3");
  EXPECT_TRUE(Dissociate(&binding, "tel:3"));
  EXPECT_EQ(binding.All(), "sip:a@x");
  EXPECT_FALSE(Dissociate(&binding, "sip:a@x"));
  EXPECT_EQ(binding.All(), "sip:a@x");
}

TEST(EdgeIdentity, TooManyListsAreTheNewestAlone) {
  Registered binding;
  std::string added;
  for (int i = 0; added.size() <= kRouteSetSizeMax; ++i) {
    const std::string uri = "sip:somebody-" + std::to_string(i) + "@example.net";
    added += "<" + uri + ">\n";
    binding.On200(uri, "<" + uri + ">");
    ASSERT_LE(binding.associated().size(), kRouteSetSizeMax);
  }
  EXPECT_EQ(IdentityAt(binding, 1), IdentityAt(binding, -1)) << "one is left";
}

TEST(EdgeIdentity, OneIdentityComesAndGoes) {
  Registered binding;
  binding.On200("sip:a@x", "");
  EXPECT_TRUE(AddIdentity(&binding, "sip:a@x"));
  EXPECT_EQ(binding.associated(), "") << "it is there";
  EXPECT_TRUE(AddIdentity(&binding, "tel:1"));
  EXPECT_TRUE(AddIdentity(&binding, "TEL:1"));
  EXPECT_EQ(binding.All(), "sip:a@x tel:1");
  binding.On200("sip:b@x", "<sip:b@x>");
  EXPECT_TRUE(RemoveIdentity(&binding, "sip:A@x"));
  EXPECT_TRUE(RemoveIdentity(&binding, "sip:nobody@x"));
  EXPECT_EQ(binding.All(), "tel:1 sip:b@x");
  EXPECT_TRUE(RemoveIdentity(&binding, "sip:b@x"));
  EXPECT_FALSE(RemoveIdentity(&binding, "tel:1"));
  EXPECT_EQ(binding.All(), "tel:1");
}

TEST(EdgeIdentity, AnIdentityThatDoesNotFitIsNotAdded) {
  Registered binding;
  binding.On200("sip:a@x", "<sip:a@x>");
  const size_t room = kRouteSetSizeMax - std::string("<sip:a@x>, <>").size();
  EXPECT_FALSE(AddIdentity(&binding, std::string(room + 1, 'a')));
  EXPECT_EQ(binding.All(), "sip:a@x");
  EXPECT_TRUE(AddIdentity(&binding, "sip:" + std::string(room - 4, 'a')));
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
