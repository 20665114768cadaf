#include <gtest/gtest.h>

#include <string>

#include "sip/digest.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;

TEST(SipDigest, ReadsTheChallengeOfTheCore) {
  const Parsed parsed(ReadData("messages/b-401.sip"));
  Digest digest;
  ASSERT_EQ(DecodeDigest(parsed.message.Value(HeaderId::kWwwAuthenticate), &digest),
            ParseError::kOk);
  EXPECT_EQ(digest.scheme, "Digest");
  EXPECT_EQ(digest.realm().value, "ims.mnc001.mcc001.3gppnetwork.org");
  EXPECT_EQ(digest.nonce().value, "T8rpG1pQw2o0dZB5hGx1fRk4JmN7vXqLcYs9uE3aHtI=");
  EXPECT_EQ(digest.algorithm().value, "AKAv1-MD5");
  EXPECT_FALSE(digest.algorithm().quoted);
  EXPECT_EQ(digest.ik().value, "00112233445566778899aabbccddeeff");
  EXPECT_TRUE(digest.ik().quoted);
  EXPECT_EQ(digest.ck().value, "ffeeddccbbaa99887766554433221100");
  EXPECT_EQ(digest.ck().with_separator, ",ck=\"ffeeddccbbaa99887766554433221100\"");
  EXPECT_EQ(digest.qop().value, "auth");
  EXPECT_TRUE(digest.username().text.empty());
  EXPECT_TRUE(digest.integrity_protected().text.empty());
}

TEST(SipDigest, ReadsCredentials) {
  Digest digest;
  ASSERT_EQ(
      DecodeDigest("Digest username=\"u@h\",realm=\"r\",nonce=\"n\",uri=\"sip:r\",response=\"\","
                   "algorithm=AKAv1-MD5,cnonce=\"c\",qop=auth,nc=00000001,opaque=\"o\","
                   "auts=\"YQ==\",stale=false,integrity-protected=\"yes\"",
                   &digest),
      ParseError::kOk);
  EXPECT_EQ(digest.username().value, "u@h");
  EXPECT_EQ(digest.uri().value, "sip:r");
  EXPECT_EQ(digest.response().value, "");  // There, and empty: the first REGISTER.
  EXPECT_TRUE(digest.response().has_value);
  EXPECT_EQ(digest.cnonce().value, "c");
  EXPECT_EQ(digest.nc().value, "00000001");
  EXPECT_EQ(digest.opaque().value, "o");
  EXPECT_EQ(digest.auts().value, "YQ==");
  EXPECT_EQ(digest.stale().value, "false");
  EXPECT_EQ(digest.integrity_protected().value, "yes");
  EXPECT_EQ(digest.integrity_protected().text, "integrity-protected=\"yes\"");
}

TEST(SipDigest, AnyOrderCaseBlanksFoldsAndQuotes) {
  Digest digest;
  ASSERT_EQ(DecodeDigest("DIGEST\r\n CK=FF ,\r\n\tNonce = abc== , IK=\"0\\\"1\" ,x=y", &digest),
            ParseError::kOk);
  EXPECT_EQ(digest.ck().value, "FF");
  EXPECT_EQ(digest.nonce().value, "abc==");
  EXPECT_EQ(digest.ik().value, "0\\\"1");
  EXPECT_EQ(digest.params, "CK=FF ,\r\n\tNonce = abc== , IK=\"0\\\"1\" ,x=y");
}

TEST(SipDigest, RefusesAParameterGivenTwice) {
  for (const char* text : {"Digest ik=1,ik=1", "Digest nonce=\"a\",realm=b,NONCE=\"c\"",
                           "Digest x=1,y=2,X=1", "Digest ck,ck=1"}) {
    Digest digest;
    EXPECT_EQ(DecodeDigest(text, &digest), ParseError::kBadDigest) << text;
  }
}

TEST(SipDigest, RefusesBrokenSyntax) {
  for (const char* text : {"", "Digest", "Digest ,", "=x", "\"Digest\" realm=x", "Digest,realm=x",
                           "Digest realm=\"x", "Digest realm=x nonce=y", "Digest =x",
                           "Digest realm;nonce=y", "Digest realm=x, Digest realm=y, ik=1"}) {
    Digest digest;
    EXPECT_EQ(DecodeDigest(text, &digest), ParseError::kBadDigest) << text;
  }
}

TEST(SipDigest, ParametersAreLimited) {
  std::string text = "Digest a0";
  for (int i = 1; i < kDigestParamsMax; ++i) text += ",a" + std::to_string(i);
  Digest digest;
  EXPECT_EQ(DecodeDigest(text, &digest), ParseError::kOk);
  EXPECT_EQ(DecodeDigest(text + ",x", &digest), ParseError::kBadDigest);
}

TEST(SipDigest, OtherSchemesKeepTheirParametersToThemselves) {
  Digest digest;
  ASSERT_EQ(DecodeDigest("NoOneKnowsThisScheme opaque-data=here, a b c", &digest), ParseError::kOk);
  EXPECT_EQ(digest.scheme, "NoOneKnowsThisScheme");
  EXPECT_EQ(digest.params, "opaque-data=here, a b c");
  EXPECT_TRUE(digest.nonce().text.empty());
  EXPECT_EQ(DecodeDigest("Negotiate", &digest), ParseError::kOk);
}

}  // namespace
}  // namespace sip
