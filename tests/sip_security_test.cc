#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sip/security.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;

constexpr std::string_view kRest = ";spi-c=1000;spi-s=1001;port-c=6100;port-s=6101";

// One mechanism with good SPIs and ports and these parameters.
std::string Offer(std::string_view params) {
  return "ipsec-3gpp;" + std::string(params) + std::string(kRest);
}

std::vector<SecurityMechanism> Mechanisms(std::string_view value) {
  SecurityList list;
  EXPECT_EQ(DecodeSecurity(value, &list), ParseError::kOk) << value;
  return {list.mechanisms().begin(), list.mechanisms().end()};
}

MechanismFault FaultOf(std::string_view value) {
  const std::vector<SecurityMechanism> mechanisms = Mechanisms(value);
  EXPECT_EQ(mechanisms.size(), 1U) << value;
  return mechanisms.empty() ? MechanismFault::kNone : mechanisms[0].fault;
}

ParseError Decode(std::string_view value) {
  SecurityList list;
  return DecodeSecurity(value, &list);
}

TEST(SipSecurity, ReadsOneMechanism) {
  const std::vector<SecurityMechanism> mechanisms = Mechanisms(
      "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=UDP-enc-tun;"
      "spi-c=4294967295;spi-s=256;port-c=1;port-s=65535");
  ASSERT_EQ(mechanisms.size(), 1U);
  const SecurityMechanism& mechanism = mechanisms[0];
  EXPECT_EQ(mechanism.fault, MechanismFault::kNone);
  EXPECT_EQ(mechanism.q_thousandths, 900);
  EXPECT_EQ(mechanism.alg, Alg::kHmacSha1_96);
  EXPECT_EQ(mechanism.ealg, Ealg::kAesCbc);
  EXPECT_EQ(mechanism.protection, Protection::kEsp);
  EXPECT_EQ(mechanism.mode, Mode::kUdpTunnel);
  EXPECT_EQ(mechanism.spi_c, 4294967295U);
  EXPECT_EQ(mechanism.spi_s, 256U);
  EXPECT_EQ(mechanism.port_c, 1);
  EXPECT_EQ(mechanism.port_s, 65535);
}

TEST(SipSecurity, ReadsAPhonesWholeOffer) {
  const Parsed parsed(ReadData("messages/a-register.sip"));
  SecurityList list;
  ASSERT_EQ(DecodeSecurity(parsed.message, HeaderId::kSecurityClient, &list), ParseError::kOk);
  ASSERT_EQ(list.mechanisms().size(), 8U);
  EXPECT_EQ(list.mechanisms()[1].ealg, Ealg::kDesEde3Cbc);
  EXPECT_EQ(list.mechanisms()[5].alg, Alg::kHmacMd5_96);
  EXPECT_EQ(list.mechanisms()[6].fault, MechanismFault::kBadAlgorithms);  // hmac-sha-256-128.
  EXPECT_EQ(list.mechanisms()[7].alg, Alg::kAesGmac);
  EXPECT_EQ(list.mechanisms()[7].spi_s, 61013U);
}

TEST(SipSecurity, NoLineIsAnEmptyList) {
  const Parsed parsed(RequestWith(""));
  SecurityList list;
  EXPECT_EQ(DecodeSecurity(parsed.message, HeaderId::kSecurityVerify, &list), ParseError::kOk);
  EXPECT_TRUE(list.empty());
}

TEST(SipSecurity, DefaultsAreThoseOfAnnexH) {
  const std::vector<SecurityMechanism> mechanisms = Mechanisms(Offer("alg=hmac-md5-96"));
  EXPECT_EQ(mechanisms[0].fault, MechanismFault::kNone);
  EXPECT_EQ(mechanisms[0].ealg, Ealg::kNull);
  EXPECT_EQ(mechanisms[0].protection, Protection::kEsp);
  EXPECT_EQ(mechanisms[0].mode, Mode::kTransport);
  EXPECT_EQ(mechanisms[0].q_thousandths, -1);
}

// TS 33.203 annex H, spec of the pairs that are legal.
TEST(SipSecurity, OnlyLegalPairsAreUsable) {
  const std::vector<std::string> algs = {"null", "hmac-md5-96", "hmac-sha-1-96", "aes-gmac"};
  const std::vector<std::string> ealgs = {"null", "des-ede3-cbc", "aes-cbc", "aes-gcm"};
  const std::vector<std::vector<bool>> legal = {{false, false, false, true},
                                                {true, true, true, false},
                                                {true, true, true, false},
                                                {true, false, false, false}};
  for (size_t a = 0; a < algs.size(); ++a) {
    for (size_t e = 0; e < ealgs.size(); ++e) {
      const MechanismFault expected =
          legal[a][e] ? MechanismFault::kNone : MechanismFault::kBadAlgorithms;
      EXPECT_EQ(FaultOf(Offer("alg=" + algs[a] + ";ealg=" + ealgs[e])), expected)
          << algs[a] << " " << ealgs[e];
    }
  }
  EXPECT_EQ(FaultOf(Offer("alg=null")), MechanismFault::kBadAlgorithms);
  EXPECT_EQ(FaultOf(Offer("ealg=aes-cbc")), MechanismFault::kBadAlgorithms);
  EXPECT_EQ(FaultOf(Offer("alg;ealg=null")), MechanismFault::kBadAlgorithms);
}

// Pitfall 3: a missing ealg is null and not aes-cbc; a prefix is no match; alg and ealg are those
// of one and the same offer.
TEST(SipSecurity, Pitfall3AlgorithmsAreReadToTheLetter) {
  EXPECT_EQ(Mechanisms(Offer("alg=hmac-sha-1-96"))[0].ealg, Ealg::kNull);
  for (const char* alg :
       {"h", "hmac", "hmac-sha-1", "hmac-sha-1-96x", "hmac-sha-1-96-", "aes", ""}) {
    const SecurityMechanism mechanism = Mechanisms(Offer("alg=" + std::string(alg)))[0];
    EXPECT_EQ(mechanism.alg, Alg::kUnknown) << alg;
    EXPECT_EQ(mechanism.fault, MechanismFault::kBadAlgorithms) << alg;
  }
  for (const char* ealg : {"a", "aes", "aes-cbc-128", "aes-cb", "nul", ""}) {
    const std::string params = "alg=hmac-sha-1-96;ealg=" + std::string(ealg);
    EXPECT_EQ(FaultOf(Offer(params)), MechanismFault::kBadAlgorithms) << ealg;
  }
  const std::vector<SecurityMechanism> two =
      Mechanisms(Offer("alg=hmac-md5-96") + "," + Offer("ealg=aes-cbc"));
  EXPECT_EQ(two[0].ealg, Ealg::kNull);
  EXPECT_EQ(two[1].alg, Alg::kAbsent);
  EXPECT_EQ(two[1].fault, MechanismFault::kBadAlgorithms);
}

// Pitfall 6: a trailing comma, repeated parameters, quoted values, blanks around ; = and , folded
// lines, several header lines, upper case, q=0.25.
TEST(SipSecurity, Pitfall6OddListsAreReadAsTheyAreMeant) {
  const Parsed parsed(RequestWith(
      "Security-Client: ipsec-3gpp ; ALG = \"hmac-sha-1-96\" ;\r\n"
      "  Ealg=AES-CBC; spi-c=0000001000;SPI-S = 1001 ; port-c=06100;port-s=6101;q=0.25 ,\r\n"
      " IPSEC-3GPP;alg=hmac-md5-96;alg=hmac-md5-96;spi-c=1000;spi-s=1001;port-c=6100;port-s=6101,"
      "\r\n"
      "security-client : ipsec-3gpp;alg=Aes-Gmac;prot=ESP;mod=TRANS;spi-c=1000;spi-s=1001\r\n"
      " ;port-c=6100;port-s=6101,\r\n"));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  SecurityList list;
  ASSERT_EQ(DecodeSecurity(parsed.message, HeaderId::kSecurityClient, &list), ParseError::kOk);
  ASSERT_EQ(list.mechanisms().size(), 3U);
  const SecurityMechanism& first = list.mechanisms()[0];
  EXPECT_EQ(first.fault, MechanismFault::kNone);
  EXPECT_EQ(first.alg, Alg::kHmacSha1_96);
  EXPECT_EQ(first.ealg, Ealg::kAesCbc);
  EXPECT_EQ(first.spi_c, 1000U);
  EXPECT_EQ(first.port_c, 6100);
  EXPECT_EQ(first.q_thousandths, 250);
  EXPECT_EQ(list.mechanisms()[1].fault, MechanismFault::kRepeatedParameter);
  const SecurityMechanism& third = list.mechanisms()[2];
  EXPECT_EQ(third.fault, MechanismFault::kNone);
  EXPECT_EQ(third.alg, Alg::kAesGmac);
  EXPECT_EQ(third.protection, Protection::kEsp);
  EXPECT_EQ(third.mode, Mode::kTransport);
}

TEST(SipSecurity, QvaluesAreThousandths) {
  const std::pair<const char*, int> values[] = {
      {"0", 0},       {"1", 1000},     {"0.", 0},     {"0.1", 100},  {"0.25", 250}, {"0.005", 5},
      {"0.999", 999}, {"1.000", 1000}, {"1.0", 1000}, {"1.001", -1}, {"1.5", -1},   {"2", -1},
      {"0.1234", -1}, {".5", -1},      {"00", -1},    {"0.x", -1},   {"-1", -1}};
  for (const auto& [text, thousandths] : values) {
    EXPECT_EQ(Mechanisms(Offer("q=" + std::string(text) + ";alg=hmac-md5-96"))[0].q_thousandths,
              thousandths)
        << text;
  }
  EXPECT_EQ(Mechanisms(Offer("q;alg=hmac-md5-96"))[0].q_thousandths, -1);
}

TEST(SipSecurity, BadSpisMakeAMechanismUnusable) {
  const auto fault = [](std::string_view spi_c, std::string_view spi_s) {
    return FaultOf("ipsec-3gpp;alg=hmac-md5-96;port-c=6100;port-s=6101" + std::string(spi_c) +
                   std::string(spi_s));
  };
  EXPECT_EQ(fault(";spi-c=256", ";spi-s=257"), MechanismFault::kNone);
  EXPECT_EQ(fault(";spi-c=0000000256", ";spi-s=257"), MechanismFault::kNone);
  EXPECT_EQ(fault(";spi-c=256", ""), MechanismFault::kBadSpi);
  EXPECT_EQ(fault("", ";spi-s=256"), MechanismFault::kBadSpi);
  EXPECT_EQ(fault(";spi-c=300", ";spi-s=0300"), MechanismFault::kBadSpi);
  for (const char* bad : {"255", "0", "", "4294967296", "00000000256", "-300", "0x300"}) {
    EXPECT_EQ(fault(";spi-c=" + std::string(bad), ";spi-s=257"), MechanismFault::kBadSpi) << bad;
    EXPECT_EQ(fault(";spi-c=257", ";spi-s=" + std::string(bad)), MechanismFault::kBadSpi) << bad;
  }
}

TEST(SipSecurity, BadPortsMakeAMechanismUnusable) {
  const auto fault = [](std::string_view port_c, std::string_view port_s) {
    return FaultOf("ipsec-3gpp;alg=hmac-md5-96;spi-c=1000;spi-s=1001" + std::string(port_c) +
                   std::string(port_s));
  };
  EXPECT_EQ(fault(";port-c=1", ";port-s=65535"), MechanismFault::kNone);
  EXPECT_EQ(fault("", ";port-s=2"), MechanismFault::kBadPort);
  EXPECT_EQ(fault(";port-c=2", ""), MechanismFault::kBadPort);
  EXPECT_EQ(fault(";port-c=2", ";port-s=2"), MechanismFault::kBadPort);
  for (const char* bad : {"0", "5060", "5061", "65536", "x", "", "-1", "4294968296"}) {
    EXPECT_EQ(fault(";port-c=" + std::string(bad), ";port-s=2"), MechanismFault::kBadPort) << bad;
    EXPECT_EQ(fault(";port-c=2", ";port-s=" + std::string(bad)), MechanismFault::kBadPort) << bad;
  }
}

TEST(SipSecurity, OtherMechanismsAreKeptWithTheirFault) {
  EXPECT_EQ(FaultOf("tls;q=0.5"), MechanismFault::kNotIpsec3gpp);
  EXPECT_EQ(FaultOf("digest;d-alg=md5;d-qop=\"auth,auth-int\""), MechanismFault::kNotIpsec3gpp);
  EXPECT_EQ(FaultOf("sdes-srtp;mediasec"), MechanismFault::kNotIpsec3gpp);
  EXPECT_EQ(FaultOf(Offer("alg=hmac-md5-96;mediasec")), MechanismFault::kMediasec);
  EXPECT_EQ(FaultOf(Offer("alg=hmac-md5-96;prot=ah")), MechanismFault::kNotEsp);
  EXPECT_EQ(FaultOf(Offer("alg=hmac-md5-96;prot=x")), MechanismFault::kNotEsp);
  EXPECT_EQ(FaultOf(Offer("alg=hmac-md5-96;x=1;y;z=\"q\"")), MechanismFault::kNone);
  EXPECT_EQ(FaultOf(Offer("alg=hmac-md5-96;x=1;X=2")), MechanismFault::kRepeatedParameter);
  EXPECT_EQ(Mechanisms(Offer("alg=hmac-md5-96;mod=tun"))[0].mode, Mode::kTunnel);
  EXPECT_EQ(Mechanisms(Offer("alg=hmac-md5-96;mod=x"))[0].mode, Mode::kUnknown);
}

TEST(SipSecurity, TheFirstFaultIsTold) {
  EXPECT_EQ(FaultOf("ipsec-3gpp;alg=x;prot=ah"), MechanismFault::kBadAlgorithms);
  EXPECT_EQ(FaultOf("ipsec-3gpp;alg=hmac-md5-96;prot=ah"), MechanismFault::kNotEsp);
  EXPECT_EQ(FaultOf("ipsec-3gpp;alg=hmac-md5-96"), MechanismFault::kBadSpi);
  EXPECT_EQ(FaultOf("ipsec-3gpp;alg=x;alg=x"), MechanismFault::kRepeatedParameter);
  EXPECT_EQ(FaultOf("tls;q=1;q=1"), MechanismFault::kNotIpsec3gpp);
}

TEST(SipSecurity, BrokenListSyntaxIsAnError) {
  for (const char* value :
       {"", ",", " , ", ";alg=null", "ipsec-3gpp;", "ipsec-3gpp;;alg=null", "ipsec-3gpp alg=null",
        "ipsec-3gpp=x", "ipsec-3gpp;alg=\"null", "ipsec-3gpp;alg=null x", "ipsec-3gpp;=null",
        "ipsec-3gpp;a/b=1", "ips(ec;alg=null", "\"ipsec-3gpp\"", "tls, ipsec-3gpp;;",
        "tls;a=\"b\"c"}) {
    EXPECT_EQ(Decode(value), ParseError::kBadSecurityHeader) << value;
  }
  const Parsed parsed(RequestWith("Security-Client:\r\n"));
  SecurityList list;
  EXPECT_EQ(DecodeSecurity(parsed.message, HeaderId::kSecurityClient, &list),
            ParseError::kBadSecurityHeader);
  const Parsed second(RequestWith("Security-Client: tls\r\nSecurity-Client: ;\r\n"));
  EXPECT_EQ(DecodeSecurity(second.message, HeaderId::kSecurityClient, &list),
            ParseError::kBadSecurityHeader);
}

TEST(SipSecurity, ListsAreLimited) {
  std::string value = "tls";
  for (int i = 1; i < SecurityList::kMechanismsMax; ++i) value += ",tls";
  EXPECT_EQ(Decode(value), ParseError::kOk);
  EXPECT_EQ(Decode(value + ",tls"), ParseError::kBadSecurityHeader);

  value = "tls";
  for (int i = 0; i < SecurityList::kParametersMax; ++i) value += ";p" + std::to_string(i);
  EXPECT_EQ(Decode(value), ParseError::kOk);
  EXPECT_EQ(Decode(value + ";x"), ParseError::kBadSecurityHeader);
}

TEST(SipSecurity, NamesAreThoseOfTheWire) {
  EXPECT_EQ(Name(Alg::kHmacSha1_96), "hmac-sha-1-96");
  EXPECT_EQ(Name(Alg::kNull), "null");
  EXPECT_EQ(Name(Alg::kAbsent), "");
  EXPECT_EQ(Name(Alg::kUnknown), "");
  EXPECT_EQ(Name(Ealg::kDesEde3Cbc), "des-ede3-cbc");
  EXPECT_EQ(Name(Ealg::kUnknown), "");
  EXPECT_EQ(Name(MechanismFault::kBadSpi), "BadSpi");
}

}  // namespace
}  // namespace sip
