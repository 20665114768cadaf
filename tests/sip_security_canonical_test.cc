#include <gtest/gtest.h>

#include <string_view>

#include "sip/security.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;

// Told from either side.
bool Same(std::string_view a, std::string_view b) {
  SecurityList left;
  SecurityList right;
  EXPECT_EQ(DecodeSecurity(a, &left), ParseError::kOk) << a;
  EXPECT_EQ(DecodeSecurity(b, &right), ParseError::kOk) << b;
  const bool same = SameAgreement(left, right);
  EXPECT_EQ(same, SameAgreement(right, left));
  return same;
}

TEST(SipSameAgreement, WritingDoesNotMatter) {
  EXPECT_TRUE(
      Same("ipsec-3gpp;alg=null;ealg=aes-gcm", "IPSEC-3gpp ; EALG = Aes-Gcm ; alg=\"null\""));
  EXPECT_TRUE(Same("ipsec-3gpp;q=0.9", "ipsec-3gpp;q=0.90"));
  EXPECT_TRUE(Same("tls;q=1", "tls;q=1.000"));
  EXPECT_TRUE(Same("tls;q=0", "tls;q=0."));
  EXPECT_TRUE(Same("tls;spi-c=0;port-s=6100", "tls;port-s=06100;spi-c=0000000000"));
  EXPECT_TRUE(Same("tls,ipsec-3gpp;alg=x", "tls ,\r\n ipsec-3gpp;alg=X,"));
  EXPECT_TRUE(Same("tls;x=a;y", "tls;Y;X=A"));
}

TEST(SipSameAgreement, MeaningMatters) {
  EXPECT_FALSE(Same("tls", "tls,tls"));
  EXPECT_FALSE(Same("tls,digest", "digest,tls"));  // The order of mechanisms counts.
  EXPECT_FALSE(Same("tls", "tlsx"));
  EXPECT_FALSE(Same("ipsec-3gpp;alg=null", "ipsec-3gpp;alg=null;ealg=null"));  // Absent, default.
  EXPECT_FALSE(Same("tls;q=0.9", "tls;q=0.91"));
  EXPECT_FALSE(Same("tls;q=0.1", "tls;q=0.01"));
  EXPECT_FALSE(Same("tls;spi-c=1", "tls;spi-s=1"));
  EXPECT_FALSE(Same("tls;spi-c=10", "tls;spi-c=100"));
  EXPECT_FALSE(Same("tls;x", "tls;x=1"));
  EXPECT_FALSE(Same("tls;x", "tls;x="));
  EXPECT_FALSE(Same("tls;x=0.10", "tls;x=0.1"));  // Of no meaning known to us.
  EXPECT_FALSE(Same("tls;x=01", "tls;x=1"));
  EXPECT_FALSE(Same("tls;x=1;x=1;y=2", "tls;x=1;y=2;y=2"));
}

// RFC 3261 7.3.1: quoted strings are case-sensitive unless told otherwise.
TEST(SipSameAgreement, QuotedStringsOfUnknownParametersKeepTheirCase) {
  EXPECT_FALSE(Same("tls;x=\"a\"", "tls;x=\"A\""));
  EXPECT_FALSE(Same("tls;x=\"a\"", "tls;x=a"));
  EXPECT_TRUE(Same("tls;alg=\"A\"", "tls;alg=a"));
  EXPECT_FALSE(Same("tls;alg=\"a b\"", "tls;alg=ab"));
}

TEST(SipSameAgreement, LinesDoNotMatter) {
  const Parsed one(RequestWith("Security-Verify: tls;q=0.2, ipsec-3gpp;alg=null\r\n"));
  const Parsed two(RequestWith(
      "Security-Verify: tls;q=0.20\r\nX: y\r\nsecurity-verify:IPsec-3gpp;alg=null,\r\n"));
  SecurityList left;
  SecurityList right;
  ASSERT_EQ(DecodeSecurity(one.message, HeaderId::kSecurityVerify, &left), ParseError::kOk);
  ASSERT_EQ(DecodeSecurity(two.message, HeaderId::kSecurityVerify, &right), ParseError::kOk);
  EXPECT_TRUE(SameAgreement(left, right));
}

}  // namespace
}  // namespace sip
