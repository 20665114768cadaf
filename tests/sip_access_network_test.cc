#include <gtest/gtest.h>

#include <string>

#include "sip/access_network.h"
#include "sip/list.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

AccessNetwork Decoded(std::string_view text) {
  AccessNetwork network;
  EXPECT_EQ(Name(DecodeAccessNetwork(text, &network)), "Ok") << text;
  return network;
}

TEST(SipAccessNetwork, OfAPhone) {
  const gmedge_test::GuardedText guarded("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=001010001019B01",
                                         '0');
  const AccessNetwork network = Decoded(guarded.text());
  EXPECT_EQ(network.access, "3GPP-E-UTRAN-FDD");
  EXPECT_EQ(network.kind, AccessKind::kEutran);
  EXPECT_EQ(network.utran_cell, "001010001019B01");
  EXPECT_FALSE(network.network_provided);
}

TEST(SipAccessNetwork, OddOnes) {
  const AccessNetwork network = Decoded(
      " 3gpp-utran-tdd ; UTRAN-Cell-ID-3GPP = \"2341 5;x\" ;\r\n network-provided;x=y;"
      "utran-sai-3gpp=1;local-time-zone=\"UTC+01:00\"");
  EXPECT_EQ(network.access, "3gpp-utran-tdd");
  EXPECT_EQ(network.kind, AccessKind::kUtran);
  EXPECT_EQ(network.utran_cell, "2341 5;x");
  EXPECT_EQ(network.utran_sai, "1");
  EXPECT_EQ(network.local_zone, "UTC+01:00");
  EXPECT_TRUE(network.network_provided);
  EXPECT_EQ(Decoded("3GPP-GERAN;cgi-3gpp=26207C37B3A33").cgi, "26207C37B3A33");
  EXPECT_EQ(Decoded("IEEE-802.11;i-wlan-node-id=001122334455").wlan_node, "001122334455");
  EXPECT_EQ(Decoded("3GPP-WLAN;UE-local-IP-address=[2001:db8::1]").ue_address, "[2001:db8::1]");
}

TEST(SipAccessNetwork, Kinds) {
  struct Case {
    const char* access;
    const char* kind;
  };
  for (const Case& c :
       {Case{"3GPP-GERAN", "GERAN"}, Case{"3GPP-UTRAN", "UTRAN"}, Case{"3GPP-UTRAN-FDD", "UTRAN"},
        Case{"3GPP-E-UTRAN-TDD", "E-UTRAN"}, Case{"3GPP-E-UTRAN-ProSe-UNR", "E-UTRAN"},
        Case{"3GPP-NR-FDD", "NR"}, Case{"3GPP-NR", "NR"}, Case{"3GPP-NRX", "other"},
        Case{"IEEE-802.11a", "WLAN"}, Case{"3GPP-WLAN", "WLAN"}, Case{"ADSL2+", "fixed"},
        Case{"IEEE-802.3ah", "fixed"}, Case{"untrusted-non-3GPP-VIRTUAL-EPC", "untrusted"},
        Case{"3GPP2-1X", "other"}, Case{"3GPP", "other"}, Case{"x", "other"}}) {
    EXPECT_EQ(Name(Decoded(c.access).kind), c.kind) << c.access;
  }
}

TEST(SipAccessNetwork, Bad) {
  for (const char* text :
       {"", ";utran-cell-id-3gpp=1", "a b", "a=b", "\"a\"", "a;", "a;;b", "a;utran-cell-id-3gpp",
        "a;utran-cell-id-3gpp=", "a;utran-cell-id-3gpp=1;Utran-Cell-Id-3gpp=2",
        "a;network-provided;network-provided", "a;x=\"1", "a,b"}) {
    AccessNetwork network;
    EXPECT_EQ(DecodeAccessNetwork(text, &network), ParseError::kBadHeaderValue) << text;
  }
}

TEST(SipAccessNetwork, OfThePhoneAndOfTheNetwork) {
  const gmedge_test::Parsed parsed(gmedge_test::ReadData("vectors/sip/14_invite_mo_to_scscf.sip"));
  ListReader reader(parsed.message, HeaderId::kPAccessNetworkInfo);
  ListMember member;
  ASSERT_TRUE(reader.Next(&member));
  EXPECT_FALSE(Decoded(member.text).network_provided);
  ASSERT_TRUE(reader.Next(&member));
  EXPECT_TRUE(Decoded(member.text).network_provided);
  EXPECT_FALSE(reader.Next(&member));
}

std::string Visited(std::string_view text) {
  VisitedNetwork network;
  const ParseError error = DecodeVisitedNetwork(text, &network);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::string(network.id) + "|" + std::string(network.params);
}

// RFC 7315 5.3.
TEST(SipVisitedNetwork, GoodAndOdd) {
  EXPECT_EQ(Visited("other.net"), "other.net|");
  EXPECT_EQ(Visited("\"Visited network number 1\""), "Visited network number 1|");
  EXPECT_EQ(Visited(" \"a;\\\"b\" ; x=1"), "a;\\\"b|; x=1");
  EXPECT_EQ(Visited("\"\""), "|");
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith(
      "P-Visited-Network-ID: other.net, \"V, 1\"\r\np-visited-network-id: x\r\n"));
  std::string all;
  ListReader reader(parsed.message, HeaderId::kPVisitedNetworkId);
  for (ListMember member; reader.Next(&member);) all += Visited(member.text);
  EXPECT_EQ(all, "other.net|V, 1|x|");
}

TEST(SipVisitedNetwork, Bad) {
  for (const char* text :
       {"", "a b", "\"a", "\"a\"b", "\"a\" b", "a;", ";a", "a;x=\"", "a\"b\"", "<a>"}) {
    EXPECT_EQ(Visited(text), "BadHeaderValue") << text;
  }
}

}  // namespace
}  // namespace sip
