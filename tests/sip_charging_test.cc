#include <gtest/gtest.h>

#include <string>

#include "sip/charging.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

TEST(SipCharging, Vector) {
  const gmedge_test::GuardedText guarded(
      "icid-value=5A1F0B7C9E3D4420A7; icid-generated-at=[2001:db8::1];\r\n orig-ioi=home1.net;"
      "Term-IOI=\"home 2\";transit-ioi=a.1;transit-ioi=b;related-icid=x;"
      "related-icid-generated-at=192.0.2.1",
      '"');
  ChargingVector vector;
  ASSERT_EQ(DecodeChargingVector(guarded.text(), &vector), ParseError::kOk);
  EXPECT_EQ(vector.icid_value, "5A1F0B7C9E3D4420A7");
  EXPECT_EQ(vector.icid_generated_at, "[2001:db8::1]");
  EXPECT_EQ(vector.orig_ioi, "home1.net");
  EXPECT_EQ(vector.term_ioi, "home 2");
  EXPECT_EQ(vector.related_icid, "x");
  EXPECT_EQ(vector.related_icid_generated_at, "192.0.2.1");
  EXPECT_EQ(vector.params, guarded.text());
}

TEST(SipCharging, VectorInAnyOrderAndQuoted) {
  ChargingVector vector;
  ASSERT_EQ(DecodeChargingVector("orig-ioi=a ; ICID-Value = \"1234bc9876e\"", &vector),
            ParseError::kOk);
  EXPECT_EQ(vector.icid_value, "1234bc9876e");
}

TEST(SipCharging, BadVector) {
  for (const char* text : {"", "orig-ioi=a", "icid-value", "icid-value=", "icid-value=\"\"",
                           ";icid-value=1", "icid-value=1;icid-value=2", "icid-value=1;orig-ioi",
                           "icid-value=1;orig-ioi=a;Orig-ioi=b", "icid-value=1;;orig-ioi=a",
                           "icid-value=1;", "icid-value=\"1", "icid-value=1, icid-value=2"}) {
    ChargingVector vector;
    EXPECT_EQ(DecodeChargingVector(text, &vector), ParseError::kBadHeaderValue) << text;
  }
}

// "ccf,ccf|ecf,ecf".
std::string Text(const ChargingAddresses& addresses) {
  std::string text;
  for (const std::string_view address : addresses.ccf()) text += std::string(address) + ",";
  text += "|";
  for (const std::string_view address : addresses.ecf()) text += std::string(address) + ",";
  return text;
}

std::string Addresses(std::string_view value) {
  ChargingAddresses addresses;
  const ParseError error = DecodeChargingAddresses(value, &addresses);
  return error == ParseError::kOk ? Text(addresses) : std::string(Name(error));
}

// RFC 7315 5.5.
TEST(SipCharging, Addresses) {
  EXPECT_EQ(Addresses("ccf=192.1.1.1; ccf=192.1.1.2; ecf=192.1.1.3; ecf=192.1.1.4"),
            "192.1.1.1,192.1.1.2,|192.1.1.3,192.1.1.4,");
  EXPECT_EQ(Addresses("CCF = [5555::b99:c88:d77:e66] ; x=y; ECF=\"e f\""),
            "[5555::b99:c88:d77:e66],|e f,");
  EXPECT_EQ(Addresses("x=y"), "|");
}

TEST(SipCharging, BadAddresses) {
  for (const char* text : {"", ";ccf=1", "ccf", "ccf=", "ccf=1;;ecf=2", "ccf=1;", "ccf=\"1"}) {
    EXPECT_EQ(Addresses(text), "BadHeaderValue") << text;
  }
  std::string many = "ccf=0";
  for (size_t i = 1; i < ChargingAddresses::kAddressesMax; ++i) many += ";ccf=1";
  EXPECT_NE(Addresses(many), "BadHeaderValue");
  EXPECT_EQ(Addresses(many + ";ccf=1"), "BadHeaderValue");
}

TEST(SipCharging, AddressesOfSeveralLines) {
  const gmedge_test::Parsed parsed(
      gmedge_test::RequestWith("P-Charging-Function-Addresses: ccf=a;ecf=b, ccf=c\r\n"
                               "P-Charging-Function-Addresses:\r\n ecf=d\r\n"));
  ChargingAddresses addresses;
  ASSERT_EQ(DecodeChargingAddresses(parsed.message, &addresses), ParseError::kOk);
  EXPECT_EQ(Text(addresses), "a,c,|b,d,");
  const gmedge_test::Parsed none(gmedge_test::RequestWith(""));
  ASSERT_EQ(DecodeChargingAddresses(none.message, &addresses), ParseError::kOk);
  EXPECT_EQ(Text(addresses), "|");
}

TEST(SipCharging, OfACore) {
  const gmedge_test::Parsed parsed(
      gmedge_test::ReadData("vectors/sip/15_invite_mt_from_scscf.sip"));
  ChargingVector vector;
  ASSERT_EQ(DecodeChargingVector(parsed.message.Value(HeaderId::kPChargingVector), &vector),
            ParseError::kOk);
  EXPECT_EQ(vector.icid_value, "AA17");
  EXPECT_EQ(vector.term_ioi, "ims.mnc001.mcc001.3gppnetwork.org");
  ChargingAddresses addresses;
  ASSERT_EQ(DecodeChargingAddresses(parsed.message, &addresses), ParseError::kOk);
  EXPECT_EQ(Text(addresses), "10.0.0.50,|");
}

}  // namespace
}  // namespace sip
