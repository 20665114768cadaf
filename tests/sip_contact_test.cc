#include <gtest/gtest.h>

#include "sip/contact.h"
#include "sip/feature_tag.h"
#include "sip/list.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

Contact Decoded(std::string_view text) {
  Contact contact;
  EXPECT_EQ(Name(DecodeContact(text, &contact)), "Ok") << text;
  return contact;
}

TEST(SipContact, Plain) {
  const Contact contact = Decoded("<sip:a@192.0.2.1:5060;lr>");
  EXPECT_EQ(contact.address.uri, "sip:a@192.0.2.1:5060;lr");
  EXPECT_FALSE(contact.star);
  EXPECT_FALSE(contact.q_thousandths || contact.expires || contact.reg_id);
  EXPECT_EQ(contact.instance, "");
}

// RFC 3261 20.10 and RFC 5626 9.
TEST(SipContact, Parameters) {
  const gmedge_test::GuardedText guarded(
      "\"Mr. Watson\" <sip:line1@192.0.2.2;transport=tcp> ; Q = 0.7 ; expires=3600;REG-ID=1;\r\n"
      " +sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""
      ";pub-gruu=\"sip:c@e.com;gr=u\";temp-gruu=\"sip:t@e.com;gr\"",
      '"');
  const Contact contact = Decoded(guarded.text());
  EXPECT_EQ(contact.address.display, "\"Mr. Watson\"");
  EXPECT_EQ(contact.q_thousandths, 700);
  EXPECT_EQ(contact.expires, 3600U);
  EXPECT_EQ(contact.reg_id, 1U);
  EXPECT_EQ(contact.instance, "urn:uuid:00000000-0000-1000-8000-000A95A0E128");
  EXPECT_EQ(contact.pub_gruu, "sip:c@e.com;gr=u");
  EXPECT_EQ(contact.temp_gruu, "sip:t@e.com;gr");
}

// Without brackets all parameters are the header's, `sos` and `transport` too (RFC 3261 20.10).
TEST(SipContact, AddrSpec) {
  const Contact contact = Decoded("sip:a@b;expires=0;q=1;sos");
  EXPECT_EQ(contact.address.uri, "sip:a@b");
  EXPECT_EQ(contact.expires, 0U);
  EXPECT_EQ(contact.q_thousandths, 1000);
  EXPECT_FALSE(IsEmergencyContact(contact));
}

TEST(SipContact, Star) {
  EXPECT_TRUE(Decoded(" * ").star);
  EXPECT_FALSE(IsEmergencyContact(Decoded("*")));
  Contact contact;
  EXPECT_EQ(DecodeContact("*;expires=0", &contact), ParseError::kBadAddress);
}

TEST(SipContact, InstanceMayLackItsBrackets) {
  EXPECT_EQ(Decoded("<sip:a@b>;+sip.instance=\"urn:gsma:imei:1-2-0\"").instance,
            "urn:gsma:imei:1-2-0");
}

// RFC 3261 20.10: "Malformed values SHOULD be treated as equivalent to 3600."
TEST(SipContact, MalformedExpiresIsAnHour) {
  for (const char* text : {"<sip:a@b>;expires=x", "<sip:a@b>;expires=-1", "<sip:a@b>;expires",
                           "<sip:a@b>;expires=", "<sip:a@b>;expires=4294967296"}) {
    EXPECT_EQ(Decoded(text).expires, kMalformedExpires) << text;
  }
  EXPECT_EQ(Decoded("<sip:a@b>;expires=4294967295").expires, UINT32_MAX);
}

TEST(SipContact, Refuses) {
  for (const char* text :
       {"<sip:a@b>;q=2", "<sip:a@b>;q=.5", "<sip:a@b>;q", "<sip:a@b>;q=1;q=1",
        "<sip:a@b>;expires=1;expires=1", "<sip:a@b>;reg-id=0", "<sip:a@b>;reg-id=2147483648",
        "<sip:a@b>;reg-id=x", "<sip:a@b>;reg-id=1;reg-id=2", "<sip:a@b>;+sip.instance",
        "<sip:a@b>;+sip.instance=\"<a>\";+SIP.instance=\"<b>\""}) {
    Contact contact;
    EXPECT_EQ(DecodeContact(text, &contact), ParseError::kBadHeaderValue) << text;
  }
  for (const char* text : {"", "a@b", "<sip:a@b", "<sip:a@b>;;q=1", "sip:a@b?x=y"}) {
    Contact contact;
    EXPECT_EQ(DecodeContact(text, &contact), ParseError::kBadAddress) << text;
  }
}

TEST(SipContact, EmergencyIsAUriParameter) {
  EXPECT_TRUE(IsEmergencyContact(Decoded("<sip:a@192.0.2.1:5060;sos>")));
  EXPECT_TRUE(IsEmergencyContact(Decoded("<sips:a@[2001:db8::1];transport=tcp;SOS>;q=1")));
  EXPECT_FALSE(IsEmergencyContact(Decoded("<sip:a@192.0.2.1>;sos")));
  EXPECT_FALSE(IsEmergencyContact(Decoded("<sip:sos@192.0.2.1;x=sos>")));
  EXPECT_FALSE(IsEmergencyContact(Decoded("<tel:112;sos>")));
  EXPECT_FALSE(IsEmergencyContact(Decoded("<mailto:a@b;sos>")));
}

TEST(SipContact, OfAPhone) {
  const gmedge_test::Parsed parsed(gmedge_test::ReadData("vectors/sip/25_register_emergency.sip"));
  const Contact contact = Decoded(parsed.message.Value(HeaderId::kContact));
  EXPECT_EQ(contact.instance, "urn:gsma:imei:35625609-012345-0");
  EXPECT_TRUE(IsEmergencyContact(contact));
  EXPECT_TRUE(FindFeatureTag(contact.address.params, "+g.3gpp.smsip").has_value());
}

TEST(SipContact, SeveralOverSeveralLines) {
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith(
      "m: <sip:a@b>;q=0.1 , \"x, y\" <sip:c@d>;q=0.2\r\nContact: <sip:e,f@g>;q=0.3,\r\n",
      "REGISTER"));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  ListReader reader(parsed.message, HeaderId::kContact);
  uint16_t wanted = 0;
  for (ListMember member; reader.Next(&member);) {
    EXPECT_EQ(Decoded(member.text).q_thousandths, wanted += 100);
  }
  EXPECT_EQ(wanted, 300);
}

}  // namespace
}  // namespace sip
