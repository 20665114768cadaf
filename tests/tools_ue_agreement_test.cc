#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sip/security.h"
#include "tests/tools_texts.h"
#include "tools/ue_agreement.h"

namespace tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

UeAgreement Offer() {
  UeAgreement agreement;
  agreement.port_uc = 37001;
  agreement.port_us = 37002;
  agreement.spi_uc = 1000000000;
  agreement.spi_us = 1000000001;
  return agreement;
}

// What the phone makes of a 401 with these header lines.
std::string Take(std::string_view lines, const std::vector<xfrm::Algorithms>& offer,
                 UeAgreement* agreement) {
  const Owned challenge("SIP/2.0 401 Unauthorized\r\n" + std::string(lines) + "\r\n");
  EXPECT_EQ(challenge.error, sip::ParseError::kOk);
  return TakeServer(challenge.message, offer, agreement);
}

std::string Server(std::string_view algorithms) {
  return fmt::format(
      "ipsec-3gpp;q=0.9;{};prot=esp;mod=trans;spi-c=70000;spi-s=70001;"
      "port-c=6102;port-s=6101",
      algorithms);
}

TEST(UeAgreement, OffersEveryLegalPairOnce) {
  std::vector<std::string> names;
  for (const xfrm::Algorithms pair : AllAlgorithms()) {
    EXPECT_TRUE(xfrm::IsLegal(pair));
    names.push_back(Name(pair));
  }
  EXPECT_THAT(names,
              ElementsAre("hmac-md5-96=des-ede3-cbc", "hmac-md5-96=aes-cbc", "hmac-md5-96=null",
                          "hmac-sha-1-96=des-ede3-cbc", "hmac-sha-1-96=aes-cbc",
                          "hmac-sha-1-96=null", "aes-gmac=null", "null=aes-gcm"));
}

TEST(UeAgreement, ParsesPairsInTheirOrder) {
  std::vector<xfrm::Algorithms> offer;
  std::string error;
  ASSERT_TRUE(ParseAlgorithms("null=aes-gcm,hmac-md5-96=null", &offer, &error));
  ASSERT_EQ(offer.size(), 2u);
  EXPECT_EQ(Name(offer[0]), "null=aes-gcm");
  EXPECT_EQ(Name(offer[1]), "hmac-md5-96=null");
  for (const char* text : {"", "null=null", "hmac-sha-1-96", "aes-gcm=null", "null=aes-gcm;"}) {
    EXPECT_FALSE(ParseAlgorithms(text, &offer, &error)) << text;
    EXPECT_NE(error, "");
  }
}

TEST(UeAgreement, WritesAnOfferThatTheNetworkCanUse) {
  const std::string value = SecurityClientValue(Offer(), AllAlgorithms());
  sip::SecurityList list;
  ASSERT_EQ(sip::DecodeSecurity(value, &list), sip::ParseError::kOk);
  ASSERT_EQ(list.mechanisms().size(), 8u);
  for (const sip::SecurityMechanism& mechanism : list.mechanisms()) {
    EXPECT_EQ(mechanism.fault, sip::MechanismFault::kNone) << mechanism.text;
    EXPECT_EQ(mechanism.spi_c, 1000000000u);
    EXPECT_EQ(mechanism.spi_s, 1000000001u);
    EXPECT_EQ(mechanism.port_c, 37001);
    EXPECT_EQ(mechanism.port_s, 37002);
    EXPECT_EQ(mechanism.q_thousandths, -1);  // TS 33.203 annex H: no q in Security-Client.
  }
}

TEST(UeAgreement, TakesTheFirstItKnowsAndMirrorsEveryLine) {
  UeAgreement agreement = Offer();
  const std::string first = Server("alg=null;ealg=aes-gcm");
  const std::string second = Server("alg=hmac-sha-1-96;ealg=aes-cbc");
  std::vector<xfrm::Algorithms> offer;
  std::string error;
  ASSERT_TRUE(ParseAlgorithms("hmac-sha-1-96=aes-cbc", &offer, &error));
  EXPECT_EQ(
      Take("Security-Server: tls;q=1, " + first + "\r\nX: y\r\nSecurity-Server: " + second + "\r\n",
           offer, &agreement),
      "");
  EXPECT_EQ(Name(agreement.algorithms), "hmac-sha-1-96=aes-cbc");
  EXPECT_EQ(agreement.spi_pc, 70000u);
  EXPECT_EQ(agreement.spi_ps, 70001u);
  EXPECT_EQ(agreement.port_pc, 6102);
  EXPECT_EQ(agreement.port_ps, 6101);
  EXPECT_EQ(agreement.verify_lines,
            "Security-Verify: tls;q=1, " + first + "\r\nSecurity-Verify: " + second + "\r\n");
}

TEST(UeAgreement, TakesNothingItCannotUse) {
  UeAgreement agreement = Offer();
  const auto all = AllAlgorithms();
  EXPECT_EQ(Take("X: y\r\n", all, &agreement), "Security-Server is missing");
  EXPECT_EQ(Take("Security-Server: tls;q=0.1\r\n", all, &agreement),
            "Security-Server has nothing the phone offered");
  const std::string tunnel =
      "Security-Server: ipsec-3gpp;alg=hmac-sha-1-96;mod=tun;spi-c=70000;"
      "spi-s=70001;port-c=6102;port-s=6101\r\n";
  EXPECT_EQ(Take(tunnel, all, &agreement), "Security-Server has nothing the phone offered");
  EXPECT_EQ(agreement.spi_ps, 0u);
}

TEST(UeAgreement, BehindANatItTakesThatModeAloneAndItsOwnAddressStandsOutside) {
  const std::vector<xfrm::Algorithms> offer = {
      {xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kNull}};
  const std::string value = SecurityClientValue(Offer(), offer, true);
  EXPECT_THAT(value, HasSubstr("mod=trans; spi-c=1000000000"));
  EXPECT_THAT(value, HasSubstr("mod=UDP-enc-tun; spi-c=1000000000"));
  EXPECT_THAT(SecurityClientValue(Offer(), offer), testing::Not(HasSubstr("UDP-enc-tun")));

  UeAgreement agreement = Offer();
  agreement.in_udp = true;
  agreement.public_address = At("203.0.113.9:0");
  std::string server = "Security-Server: " + Server("alg=hmac-sha-1-96;ealg=null") + "\r\n";
  EXPECT_EQ(Take(server, offer, &agreement), "Security-Server has nothing the phone offered");
  server.replace(server.find("trans"), 5, "UDP-enc-tun");
  ASSERT_EQ(Take(server, offer, &agreement), "");
  const xfrm::EspKeys keys(agreement.algorithms, agreement.ik, agreement.ck);
  const reactor::Endpoint ue = At("10.9.0.2:0");
  const reactor::Endpoint pcscf = At("192.0.2.10:5060");
  for (const xfrm::Sa& sa : SasOf(agreement, ue, pcscf, keys, 7)) {
    const bool out = sa.direction == xfrm::Direction::kOut;
    const xfrm::Address inside = AddressOf(agreement.public_address);
    EXPECT_EQ(out ? sa.selector.source : sa.selector.destination, inside);
    const xfrm::UdpTunnel tunnel = {AddressOf(out ? ue : pcscf), AddressOf(out ? pcscf : ue), 4500,
                                    4500};
    EXPECT_EQ(sa.tunnel, tunnel);
    EXPECT_EQ(sa.id().destination, tunnel.destination);
  }
}

TEST(UeAgreement, MakesFourSasAsTheTableSays) {
  UeAgreement agreement = Offer();
  ASSERT_EQ(Take("Security-Server: " + Server("alg=hmac-sha-1-96;ealg=null") + "\r\n",
                 AllAlgorithms(), &agreement),
            "");
  const xfrm::EspKeys keys(agreement.algorithms, agreement.ik, agreement.ck);
  const reactor::Endpoint ue = At("198.51.100.77:0");
  const reactor::Endpoint pcscf = At("192.0.2.10:5060");
  const auto sas = SasOf(agreement, ue, pcscf, keys, 7);
  const auto text = [&](const xfrm::Sa& sa) {
    const bool out = sa.selector.source == AddressOf(ue);
    EXPECT_EQ(out ? sa.selector.destination : sa.selector.source, AddressOf(pcscf));
    EXPECT_EQ(sa.reqid, 7u);
    EXPECT_EQ(sa.keys, &keys);
    return fmt::format("{} {} {} {}", out ? "out" : "in", sa.selector.source_port,
                       sa.selector.destination_port, sa.spi);
  };
  EXPECT_EQ(text(sas[0]), "out 37001 6101 70001");
  EXPECT_EQ(text(sas[1]), "in 6101 37001 1000000000");
  EXPECT_EQ(text(sas[2]), "in 6102 37002 1000000001");
  EXPECT_EQ(text(sas[3]), "out 37002 6102 70000");
}

}  // namespace
}  // namespace tools
