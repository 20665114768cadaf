#include <gtest/gtest.h>

#include <string>

#include "sip/identity.h"
#include "sip/list.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;

TEST(SipIdentity, One) {
  const gmedge_test::GuardedText guarded("\"Bob\" <sips:+1555@example.com;user=phone>;x=y", '>');
  Identity identity;
  ASSERT_EQ(DecodeIdentity(guarded.text(), &identity), ParseError::kOk);
  EXPECT_EQ(identity.address.display, "\"Bob\"");
  EXPECT_EQ(identity.uri.scheme, Scheme::kSips);
  EXPECT_EQ(identity.uri.user, "+1555");
  EXPECT_EQ(identity.uri.params, ";user=phone");
  ASSERT_EQ(DecodeIdentity("tel:+1555", &identity), ParseError::kOk);
  EXPECT_EQ(identity.uri.scheme, Scheme::kTel);
  EXPECT_FALSE(identity.empty());
}

TEST(SipIdentity, Bad) {
  struct Case {
    const char* text;
    ParseError error;
  };
  for (const Case& c :
       {Case{"", ParseError::kBadAddress}, Case{"bob", ParseError::kBadAddress},
        Case{"<sip:a@b", ParseError::kBadAddress}, Case{"*", ParseError::kBadRequestUri},
        Case{"<sip:a@b@c>", ParseError::kBadRequestUri},
        Case{"<http://a>", ParseError::kUnsupportedScheme},
        Case{"<urn:service:sos>", ParseError::kBadHeaderValue}}) {
    Identity identity;
    EXPECT_EQ(DecodeIdentity(c.text, &identity), c.error) << c.text;
  }
}

// "sip tel" of P-Asserted-Identity, or the error's name.
std::string Asserted(const Message& message) {
  Identities identities;
  const ParseError error = DecodeIdentities(message, HeaderId::kPAssertedIdentity, &identities);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::string(identities.sip.address.uri) + " " + std::string(identities.tel.address.uri);
}

std::string Asserted(std::string_view lines) {
  const Parsed parsed(RequestWith(lines));
  EXPECT_EQ(parsed.error, ParseError::kOk);
  return Asserted(parsed.message);
}

// RFC 3325 10.1, in one line and in two, in either order.
TEST(SipIdentities, OneOfEachKind) {
  EXPECT_EQ(Asserted("P-Asserted-Identity: \"Cullen Jennings\" <sip:fluffy@cisco.com>\r\n"
                     "P-Asserted-Identity: tel:+14085264000\r\n"),
            "sip:fluffy@cisco.com tel:+14085264000");
  EXPECT_EQ(Asserted("p-asserted-identity: <tel:+1> ,\r\n \"a, b\" <sips:a@b>,\r\n"),
            "sips:a@b tel:+1");
  EXPECT_EQ(Asserted("P-Asserted-Identity: <sip:a@b>\r\n"), "sip:a@b ");
  EXPECT_EQ(Asserted(""), " ");
  const Parsed parsed(gmedge_test::ReadData("vectors/sip/15_invite_mt_from_scscf.sip"));
  EXPECT_EQ(Asserted(parsed.message),
            "sip:+15550100002@ims.mnc002.mcc001.3gppnetwork.org tel:+15550100002");
}

TEST(SipIdentities, TwoOfOneKindAreNone) {
  EXPECT_EQ(Asserted("P-Asserted-Identity: <sip:a@b>, <sip:a@b>\r\n"), "BadHeaderValue");
  EXPECT_EQ(Asserted("P-Asserted-Identity: <sip:a@b>, <sips:c@d>\r\n"), "BadHeaderValue");
  EXPECT_EQ(Asserted("P-Asserted-Identity: tel:+1\r\nP-Asserted-Identity: tel:+2\r\n"),
            "BadHeaderValue");
  EXPECT_EQ(Asserted("P-Asserted-Identity: <sip:a@b>, <tel:+1>, <http://x>\r\n"),
            "UnsupportedScheme");
  EXPECT_EQ(Asserted("P-Asserted-Identity: <sip:a@b>, x\r\n"), "BadAddress");
}

TEST(SipIdentities, AssociatedUrisAreReadOneByOne) {
  const Parsed parsed(gmedge_test::ReadData("messages/d-200-register.sip"));
  ListReader reader(parsed.message, HeaderId::kPAssociatedUri);
  int count = 0;
  for (ListMember member; reader.Next(&member); ++count) {
    Identity identity;
    EXPECT_EQ(DecodeIdentity(member.text, &identity), ParseError::kOk) << member.text;
    EXPECT_EQ(identity.uri.scheme == Scheme::kTel, count == 1);
  }
  EXPECT_EQ(count, 3);
}

}  // namespace
}  // namespace sip
