#include <gtest/gtest.h>

#include "edge/binding.h"
#include "edge/template.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

std::string ErrorOf(std::string_view text) {
  Template parsed;
  std::string error;
  EXPECT_FALSE(Template::Parse(text, &parsed, &error)) << text;
  return error;
}

Template TemplateOf(std::string_view text) {
  Template parsed;
  std::string error;
  EXPECT_TRUE(Template::Parse(text, &parsed, &error)) << error;
  return parsed;
}

TEST(EdgeTemplateSize, IsThatOfItsTextsAndOfVariablesAtTheirLongest) {
  EXPECT_EQ(TemplateOf("").size_max(), 0u);
  EXPECT_EQ(TemplateOf("abc$$").size_max(), 4u);
  EXPECT_EQ(TemplateOf("a$ci b$ipsec(ik)").size_max(), 3 + 2 * kVariableSizeMax);
}

class EdgeTemplate : public testing::Test {
 protected:
  EdgeTemplate() {
    std::array<uint8_t, xfrm::Key::kSize> key;
    key.fill(0x1a);
    set_.ik = xfrm::Key(key);
    key.fill(0xc0);
    set_.ck = xfrm::Key(key);
    Agreement& a = set_.agreement;
    a.ue = At("198.51.100.77:1");
    a.port_uc = 37001;
    a.port_us = 37002;
    a.spi_uc = 1111;
    a.spi_us = 2222;
    a.pcscf = At("192.0.2.10:1");
    a.port_pc = 5100;
    a.port_ps = 6100;
    a.spis.client = 3333;
    a.spis.server = 4444;
    a.algorithms = {xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc};
    Read("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: call-1\r\n\r\n");
  }
  void Read(const std::string& text) {
    text_ = text;
    text_.append(sip::kPaddingSize, '\0');
    static_cast<void>(sip::Parse(sip::PaddedView::Promise({text_.data(), text.size()}), &message_));
  }
  std::string Expand(std::string_view text) {
    std::array<char, kExpandedSizeMax> buffer;
    return std::string(TemplateOf(text).Expand(set_, message_, buffer));
  }

  SaSet set_;
  std::string text_;
  sip::Message message_;
};

TEST_F(EdgeTemplate, IpsecIsOurEnd) {
  EXPECT_EQ(Expand("$ipsec(ip):$ipsec(port-c) $ipsec(ip):$ipsec(port-s)"),
            "192.0.2.10:5100 192.0.2.10:6100");
  EXPECT_EQ(Expand("$ipsec(spi-c) $ipsec(spi-s) $ipsec(alg)=$ipsec(ealg)"),
            "3333 4444 hmac-sha-1-96=aes-cbc");
  EXPECT_EQ(Expand("$ipsec(ik) $ipsec(ck)"),
            "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0");
}

TEST_F(EdgeTemplate, IpsecUeIsThePhones) {
  EXPECT_EQ(Expand("$ipsec_ue(ip):$ipsec_ue(port-c) $ipsec_ue(ip):$ipsec_ue(port-s)"),
            "198.51.100.77:37001 198.51.100.77:37002");
  EXPECT_EQ(Expand("$ipsec_ue(spi-c) $ipsec_ue(spi-s) $ipsec_ue(alg)=$ipsec_ue(ealg)"),
            "1111 2222 hmac-sha-1-96=aes-cbc");
  EXPECT_EQ(Expand("$ipsec_ue(ik) $ipsec_ue(ck)"), Expand("$ipsec(ik) $ipsec(ck)"));
  set_.agreement.ue = At("[2001:db8::77]:1");
  EXPECT_EQ(Expand("$ipsec_ue(ip)"), "2001:db8::77");
}

TEST_F(EdgeTemplate, TheMessageSaysWhatItIs) {
  EXPECT_EQ(Expand("$rm $rs $ci"), "OPTIONS - call-1");
  Read("SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n");
  EXPECT_EQ(Expand("$rm $rs $ci"), "- 180 -");
}

TEST_F(EdgeTemplate, WhatAPhoneWritesIsShortAndPrintable) {
  Read("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: a\tb \xc3\xa4.\r\n\r\n");
  EXPECT_EQ(Expand("$ci"), "a?b???.");
}

TEST_F(EdgeTemplate, OtherTextIsItself) {
  EXPECT_EQ(Expand("cost: 5$$ (x)"), "cost: 5$ (x)");
  EXPECT_EQ(Expand(""), "");
  EXPECT_TRUE(TemplateOf("").empty());
  EXPECT_FALSE(TemplateOf("a").empty());
}

TEST_F(EdgeTemplate, KnowsWhetherItRevealsKeys) {
  EXPECT_TRUE(TemplateOf("$ipsec(ik)").reveals_keys());
  EXPECT_TRUE(TemplateOf("a $ipsec_ue(ck) $rm").reveals_keys());
  EXPECT_FALSE(TemplateOf("$ipsec(alg) $ipsec(ealg) ik ck $$ipsec(ik)").reveals_keys());
}

TEST_F(EdgeTemplate, RefusesWhatIsNoVariable) {
  EXPECT_EQ(ErrorOf("a $ipsec(spi)"),
            "$ipsec(spi): the fields are ik, ck, alg, ealg, ip, spi-c, spi-s, port-c, port-s");
  EXPECT_EQ(ErrorOf("$ipsec_ue()"),
            "$ipsec_ue(): the fields are ik, ck, alg, ealg, ip, spi-c, spi-s, port-c, port-s");
  for (const char* text : {"$", "$x", "$ipsec", "$ipsec(ik", "$ipsec_u(ik)", "$(ik)"}) {
    EXPECT_NE(ErrorOf(text).find(" is no variable: allowed are $ipsec(field), $ipsec_ue(field), "
                                 "$rm, $rs, $ci and $$ for a $"),
              std::string::npos)
        << text;
  }
}

TEST_F(EdgeTemplate, HoldsSoMuchAndNotMore) {
  const std::string longest(kTemplateSizeMax, 'x');
  EXPECT_EQ(Expand(longest), longest);
  EXPECT_EQ(ErrorOf(longest + "x"), "it has 1025 bytes: at most 1024");
  std::string most;
  for (size_t i = 0; i < kTemplatePiecesMax; ++i) most += "$ci";
  EXPECT_EQ(ErrorOf(most + "$rm"), "more than 64 variables and texts between them");
  Read("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: " + std::string(1000, 'c') + "\r\n\r\n");
  EXPECT_EQ(Expand(most).size(), kTemplatePiecesMax * kVariableSizeMax);
}

TEST_F(EdgeTemplate, WithoutRoomThereIsNothing) {
  std::array<char, 3> buffer;
  EXPECT_EQ(TemplateOf("abcd").Expand(set_, message_, buffer), "");
}

}  // namespace
}  // namespace edge
