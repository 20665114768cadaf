#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "edge/agreement.h"
#include "edge/limits.h"
#include "tests/sip_fixture.h"

namespace edge {
namespace {

using xfrm::Algorithms;
using xfrm::Encryption;
using xfrm::Integrity;

constexpr std::string_view kPorts = ";spi-c=1000;spi-s=1001;port-c=5001;port-s=5002";

AlgorithmList Allowed(std::string_view text) {
  AlgorithmList list;
  std::string error;
  std::string warning;
  EXPECT_TRUE(ParseAlgorithmList(text, &list, &error, &warning)) << error;
  return list;
}

// The texts of the list lie in `value`.
sip::SecurityList Decoded(std::string_view value) {
  sip::SecurityList list;
  EXPECT_EQ(sip::DecodeSecurity(value, &list), sip::ParseError::kOk) << value;
  return list;
}

// "alg=...;ealg=..." and what else is given, with good SPIs and ports.
std::string Mechanism(std::string_view params) {
  return "ipsec-3gpp;" + std::string(params) + std::string(kPorts);
}

std::string Chosen(const std::string& client, std::string_view allowed) {
  Offer offer;
  switch (Choose(Decoded(client), Allowed(allowed), &offer)) {
    case ChooseResult::kNoMechanism:
      return "no mechanism";
    case ChooseResult::kNoCommonAlgorithm:
      return "no common algorithm";
    case ChooseResult::kOk:
      break;
  }
  return std::string(Name(offer.algorithms.integrity)) + "=" +
         std::string(Name(offer.algorithms.encryption));
}

Agreement SampleAgreement() {
  Agreement agreement;
  agreement.spis = {.client = 70'001, .server = 4'000'000'000};
  agreement.port_pc = 6102;
  agreement.port_ps = 6101;
  agreement.algorithms = {Integrity::kHmacSha1_96, Encryption::kNull};
  return agreement;
}

TEST(EdgeAgreement, BehindANatSecurityServerNamesThatModeInEachEntry) {
  Agreement agreement = SampleAgreement();
  agreement.port_uenc = 4500;
  EXPECT_EQ(SecurityServerValue(Allowed("hmac-sha-1-96=null"), SecurityServer::kStatic, &agreement),
            "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=null;prot=esp;mod=UDP-enc-tun;spi-c=70001;"
            "spi-s=4000000000;port-c=6102;port-s=6101");
  EXPECT_EQ(SecurityServerValue(Allowed("hmac-sha-1-96=null,null=aes-gcm"), SecurityServer::kStatic,
                                nullptr, true),
            "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=null;prot=esp;mod=UDP-enc-tun, "
            "ipsec-3gpp;q=0.8;alg=null;ealg=aes-gcm;prot=esp;mod=UDP-enc-tun");
}

TEST(EdgeAgreement, OurOrderDecidesNotThePhonesAndNotItsQ) {
  const std::string client = "ipsec-3gpp;q=0.9;alg=hmac-md5-96;ealg=aes-cbc" + std::string(kPorts) +
                             ", ipsec-3gpp;q=0.1;alg=hmac-sha-1-96;ealg=null" + std::string(kPorts);
  EXPECT_EQ(Chosen(client, "hmac-sha-1-96=null,hmac-md5-96=aes-cbc"), "hmac-sha-1-96=null");
  EXPECT_EQ(Chosen(client, "hmac-md5-96=aes-cbc,hmac-sha-1-96=null"), "hmac-md5-96=aes-cbc");
}

TEST(EdgeAgreement, EveryLegalPairCanBeChosen) {
  const AlgorithmList all = AlgorithmList::All();
  for (const Algorithms pair : all.pairs()) {
    const std::string name =
        std::string(Name(pair.integrity)) + "=" + std::string(Name(pair.encryption));
    const std::string client = Mechanism("alg=" + std::string(Name(pair.integrity)) +
                                         ";ealg=" + std::string(Name(pair.encryption)));
    EXPECT_EQ(Chosen(client, ""), name);
    EXPECT_EQ(Chosen(client, name), name);
  }
}

TEST(EdgeAgreement, GcmAndGmacComeFirstWhereBothSidesHaveThem) {
  const std::string client =
      Mechanism("alg=hmac-sha-1-96;ealg=aes-cbc") + "," + Mechanism("alg=aes-gmac;ealg=null");
  EXPECT_EQ(Chosen(client, ""), "aes-gmac=null");
  EXPECT_EQ(Chosen(client + "," + Mechanism("alg=null;ealg=aes-gcm"), ""), "null=aes-gcm");
  EXPECT_EQ(Chosen(client, "hmac-sha-1-96"), "hmac-sha-1-96=aes-cbc");
}

TEST(EdgeAgreement, AlgOfOneOfferIsNeverPairedWithEalgOfAnother) {  // Pitfalls 3.
  const std::string client =
      Mechanism("alg=hmac-md5-96;ealg=aes-cbc") + "," + Mechanism("alg=hmac-sha-1-96;ealg=null");
  EXPECT_EQ(Chosen(client, "hmac-sha-1-96=aes-cbc"), "no common algorithm");
  EXPECT_EQ(Chosen(client, "hmac-md5-96=null"), "no common algorithm");
}

TEST(EdgeAgreement, AMissingEalgIsNull) {  // Pitfalls 3.
  EXPECT_EQ(Chosen(Mechanism("alg=hmac-sha-1-96"), "hmac-sha-1-96=aes-cbc,hmac-sha-1-96=null"),
            "hmac-sha-1-96=null");
}

TEST(EdgeAgreement, ThePartOfANameIsNoName) {  // Pitfalls 3.
  EXPECT_EQ(Chosen(Mechanism("alg=h"), ""), "no mechanism");
  EXPECT_EQ(Chosen(Mechanism("alg=hmac"), ""), "no mechanism");
  EXPECT_EQ(Chosen(Mechanism("alg=hmac-sha-1-960"), ""), "no mechanism");
  EXPECT_EQ(Chosen(Mechanism("alg=hmac-sha-1-96;ealg=aes"), ""), "no mechanism");
}

TEST(EdgeAgreement, TunnelsAreNotSelected) {
  const std::string tunnel = Mechanism("alg=hmac-sha-1-96;mod=tun");
  const std::string nat = Mechanism("alg=hmac-sha-1-96;mod=UDP-enc-tun");
  EXPECT_EQ(Chosen(tunnel, ""), "no common algorithm");
  EXPECT_EQ(Chosen(nat, ""), "no common algorithm");
  Offer offer;
  EXPECT_EQ(Choose(Decoded(nat), Allowed(""), &offer, sip::Mode::kUdpTunnel), ChooseResult::kOk);
  EXPECT_TRUE(offer.in_udp);
  EXPECT_TRUE(Offers(Decoded(tunnel + "," + nat), sip::Mode::kUdpTunnel));
  EXPECT_FALSE(Offers(Decoded(tunnel), sip::Mode::kUdpTunnel));
  EXPECT_FALSE(Offers(Decoded(Mechanism("alg=null;mod=UDP-enc-tun")), sip::Mode::kUdpTunnel))
      << "of no use";
  EXPECT_EQ(Chosen(tunnel + "," + nat + "," + Mechanism("alg=hmac-md5-96;mod=trans"), ""),
            "hmac-md5-96=null");
}

TEST(EdgeAgreement, WhatCannotBeUsedIsNoMechanism) {
  for (const std::string& client :
       {std::string("tls;q=0.1"), Mechanism("alg=hmac-sha-1-96;prot=ah"), Mechanism("ealg=aes-cbc"),
        Mechanism("alg=null;ealg=null"), Mechanism("alg=null"),
        Mechanism("alg=aes-gmac;ealg=aes-cbc"), Mechanism("alg=hmac-sha-1-96;ealg=aes-gcm"),
        Mechanism("alg=hmac-sha-1-96;alg=hmac-md5-96"), Mechanism("alg=hmac-sha-1-96;mediasec"),
        std::string("ipsec-3gpp;alg=hmac-sha-1-96;spi-c=255;spi-s=1001;port-c=5001;port-s=5002"),
        std::string("ipsec-3gpp;alg=hmac-sha-1-96;spi-c=1000;spi-s=1001;port-c=5060;port-s=5002"),
        std::string("ipsec-3gpp;alg=hmac-sha-1-96")}) {
    EXPECT_EQ(Chosen(client, ""), "no mechanism") << client;
    // It does not spoil the others.
    EXPECT_EQ(Chosen(client + "," + Mechanism("alg=hmac-sha-1-96"), ""), "hmac-sha-1-96=null")
        << client;
  }
}

TEST(EdgeAgreement, NoCommonAlgorithmIsToldApartFromNoMechanism) {
  EXPECT_EQ(Chosen(Mechanism("alg=hmac-md5-96"), "hmac-sha-1-96"), "no common algorithm");
  Offer offer;
  EXPECT_EQ(Choose(sip::SecurityList(), AlgorithmList::All(), &offer), ChooseResult::kNoMechanism);
}

TEST(EdgeAgreement, SpisAndPortsAreThoseOfTheSelectedEntry) {
  Offer offer;
  const sip::SecurityList client = Decoded(
      "ipsec-3gpp;alg=hmac-md5-96;spi-c=1000;spi-s=1001;port-c=5001;port-s=5002,"
      "ipsec-3gpp;alg=hmac-sha-1-96;spi-c=4294967295;spi-s=0000000256;port-c=65535;port-s=1");
  ASSERT_EQ(Choose(client, Allowed("hmac-sha-1-96"), &offer), ChooseResult::kOk);
  EXPECT_EQ(offer.spi_uc, 4294967295u);
  EXPECT_EQ(offer.spi_us, 256u);
  EXPECT_EQ(offer.port_uc, 65535);
  EXPECT_EQ(offer.port_us, 1);
}

TEST(EdgeAgreement, SecurityServerIsTheWholeListInOurOrder) {
  const Agreement agreement = SampleAgreement();
  const std::string ours =
      ";prot=esp;mod=trans;spi-c=70001;spi-s=4000000000;port-c=6102;port-s=6101";
  EXPECT_EQ(SecurityServerValue(Allowed("hmac-sha-1-96=null,null=aes-gcm,aes-gmac"),
                                SecurityServer::kStatic, &agreement),
            "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=null" + ours +
                ", ipsec-3gpp;q=0.8;alg=null;ealg=aes-gcm" + ours +
                ", ipsec-3gpp;q=0.7;alg=aes-gmac;ealg=null" + ours);
}

TEST(EdgeAgreement, QDescendsStrictlyAndEveryEntryIsUsable) {  // Spec sheet 1.3, (m).
  const Agreement agreement = SampleAgreement();
  const AlgorithmList allowed = AlgorithmList::All();
  const std::string value = SecurityServerValue(allowed, SecurityServer::kStatic, &agreement);
  const sip::SecurityList list = Decoded(value);
  ASSERT_EQ(list.mechanisms().size(), allowed.pairs().size());
  int last_q = 1001;
  for (size_t i = 0; i < list.mechanisms().size(); ++i) {
    const sip::SecurityMechanism& mechanism = list.mechanisms()[i];
    EXPECT_EQ(PairOf(mechanism), allowed.pairs()[i]) << i;
    EXPECT_LT(mechanism.q_thousandths, last_q) << i;
    EXPECT_GT(mechanism.q_thousandths, 0) << i;
    last_q = mechanism.q_thousandths;
  }
}

// The phone takes the first entry it supports (33.203), or that of the highest q (RFC 3329): both
// must be the one we chose, or the two sides use different algorithms.
TEST(EdgeAgreement, ThePhonesOwnRuleFindsWhatWeChose) {
  const AlgorithmList allowed = Allowed("hmac-md5-96=null,hmac-sha-1-96=null,null=aes-gcm");
  const Agreement agreement = SampleAgreement();
  const std::string told = SecurityServerValue(allowed, SecurityServer::kStatic, &agreement);
  const std::string offered =
      Mechanism("alg=null;ealg=aes-gcm") + "," + Mechanism("alg=hmac-sha-1-96");
  const sip::SecurityList server = Decoded(told);
  const sip::SecurityList client = Decoded(offered);
  Offer offer;
  ASSERT_EQ(Choose(client, allowed, &offer), ChooseResult::kOk);
  const auto phone_takes = [&]() -> std::optional<Algorithms> {
    for (const sip::SecurityMechanism& theirs : server.mechanisms()) {
      for (const sip::SecurityMechanism& own : client.mechanisms()) {
        if (PairOf(own) == PairOf(theirs)) return PairOf(theirs);
      }
    }
    return std::nullopt;
  };
  EXPECT_EQ(phone_takes(), offer.algorithms);
}

TEST(EdgeAgreement, SelectedNamesTheChosenPairAlone) {
  const Agreement agreement = SampleAgreement();
  EXPECT_EQ(SecurityServerValue(AlgorithmList::All(), SecurityServer::kSelected, &agreement),
            "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=null;prot=esp;mod=trans;spi-c=70001;"
            "spi-s=4000000000;port-c=6102;port-s=6101");
}

TEST(EdgeAgreement, WithoutAnAgreementThereAreNoSpisAndPorts) {  // 421 and 494.
  EXPECT_EQ(SecurityServerValue(Allowed("hmac-sha-1-96"), SecurityServer::kSelected, nullptr),
            "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans, "
            "ipsec-3gpp;q=0.8;alg=hmac-sha-1-96;ealg=null;prot=esp;mod=trans, "
            "ipsec-3gpp;q=0.7;alg=hmac-sha-1-96;ealg=des-ede3-cbc;prot=esp;mod=trans");
}

// How Security-Verify of a message with these lines compares with what was sent.
Comparison Compared(std::string_view lines, std::string_view sent) {
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith(gmedge_test::WithCrlf(lines)));
  return CompareWithSent(parsed.message, sip::HeaderId::kSecurityVerify, sent);
}
bool SameAsSent(std::string_view verify, std::string_view sent) {
  return Compared("Security-Verify: " + std::string(verify) + "\n", sent) == Comparison::kSame;
}

TEST(EdgeAgreement, AListSplitOverLinesIsTheSameList) {  // Spec sheet (n).
  const std::string_view sent = "tls;q=0.2, ipsec-3gpp;alg=null";
  for (const std::string_view lines :
       {"Security-Verify: tls;q=0.2, ipsec-3gpp;alg=null\n",
        "Security-Verify: tls;q=0.2\nSubject: x\nSecurity-Verify: ipsec-3gpp;alg=null\n",
        "Security-Verify: tls;q=0.2,\nSecurity-Verify: IPsec-3gpp;alg=null\n"}) {
    EXPECT_EQ(Compared(lines, sent), Comparison::kSame) << lines;
  }
}

TEST(EdgeAgreement, NoListAndABrokenOneAreToldFromAnotherOne) {
  const std::string_view sent = "tls;q=0.2";
  EXPECT_EQ(Compared("Subject: x\n", sent), Comparison::kAbsent);
  EXPECT_EQ(Compared("Security-Verify: tls;q=0.3\n", sent), Comparison::kDifferent);
  EXPECT_EQ(Compared("Security-Verify: tls;=\n", sent), Comparison::kMalformed);
  EXPECT_EQ(Compared("Security-Verify: tls;q=0.2\nSecurity-Verify: tls;=\n", sent),
            Comparison::kMalformed);
  EXPECT_EQ(Compared("Security-Verify: tls;q=0.2\nSecurity-Verify: tls;q=0.2\n", sent),
            Comparison::kDifferent);
  EXPECT_EQ(Compared("Security-Verify: tls;q=0.\n", sent), Comparison::kDifferent);
}

TEST(EdgeAgreement, HowAPhoneWritesItDoesNotMatter) {
  const Agreement agreement = SampleAgreement();
  const std::string sent =
      SecurityServerValue(Allowed("hmac-sha-1-96=null"), SecurityServer::kStatic, &agreement);
  for (const std::string_view verify :
       {"ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=null;prot=esp;mod=trans;spi-c=70001;"
        "spi-s=4000000000;port-c=6102;port-s=6101",
        "IPSEC-3GPP ; Q=0.90 ; ALG = HMAC-SHA-1-96 ; EALG=NULL ; PROT=ESP; MOD=TRANS; "
        "SPI-C=0000070001; SPI-S=4000000000; PORT-C=06102; PORT-S=6101",
        "ipsec-3gpp;port-s=6101;port-c=6102;spi-s=4000000000;spi-c=70001;mod=trans;prot=esp;"
        "ealg=null;alg=hmac-sha-1-96;q=0.900,"}) {
    EXPECT_TRUE(SameAsSent(verify, sent)) << verify;
  }
}

TEST(EdgeAgreement, WhatSomebodyChangedIsFound) {  // Pitfalls 21: bidding down.
  const Agreement agreement = SampleAgreement();
  const AlgorithmList allowed = Allowed("null=aes-gcm,hmac-sha-1-96=null");
  const std::string sent = SecurityServerValue(allowed, SecurityServer::kStatic, &agreement);
  ASSERT_TRUE(SameAsSent(sent, sent));
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = sent;
    text.replace(text.find(from), from.size(), to);
    return SameAsSent(text, sent);
  };
  EXPECT_FALSE(changed("aes-gcm", "aes-cbc"));
  EXPECT_FALSE(changed("q=0.9", "q=0.85"));
  EXPECT_FALSE(changed("spi-c=70001", "spi-c=70002"));
  EXPECT_FALSE(changed("port-s=6101", "port-s=6103"));
  EXPECT_FALSE(changed(";prot=esp", ""));  // Absent is not the default.
  EXPECT_FALSE(changed("mod=trans", "mod=trans;x=y"));

  const size_t comma = sent.find(", ");
  const std::string first = sent.substr(0, comma);
  const std::string second = sent.substr(comma + 2);
  EXPECT_FALSE(SameAsSent(second, sent));                // The strongest cut off.
  EXPECT_FALSE(SameAsSent(first, sent));                 // The weakest cut off.
  EXPECT_FALSE(SameAsSent(second + "," + first, sent));  // Another order.
  EXPECT_FALSE(SameAsSent(sent + "," + second, sent));   // One more.
  EXPECT_FALSE(SameAsSent(sent, ""));
}

}  // namespace
}  // namespace edge
