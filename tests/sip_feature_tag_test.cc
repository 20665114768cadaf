#include <gtest/gtest.h>

#include <string>

#include "sip/feature_tag.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

constexpr std::string_view kMmtel = "urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel";

// "name=value " of each, a string in <>; "!" at the end for a syntax error.
std::string Tags(std::string_view params) {
  FeatureTagReader reader(params);
  std::string result;
  for (FeatureTag tag; reader.Next(&tag);) {
    const std::string value(tag.value);
    result += std::string(tag.name) + "=" + (tag.is_string ? "<" + value + ">" : value) + " ";
  }
  return reader.ok() ? result : result + "!";
}

TEST(SipFeatureTag, OfAPhone) {
  const gmedge_test::GuardedText guarded(
      ";+sip.instance=\"<urn:gsma:imei:90420156-025763-0>\";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A"
      "3gpp-service.ims.icsi.mmtel\";expires=600000;+g.3gpp.smsip;audio",
      '"');
  EXPECT_EQ(Tags(guarded.text()),
            "+sip.instance=<urn:gsma:imei:90420156-025763-0> "
            "+g.3gpp.icsi-ref=urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel "
            "+g.3gpp.smsip= audio= ");
}

TEST(SipFeatureTag, OddOnes) {
  EXPECT_EQ(Tags(""), "");
  EXPECT_EQ(Tags(" ; Audio ;\r\n methods=\"INVITE,BYE\" ; + ; q=1"), "Audio= methods=INVITE,BYE ");
  EXPECT_EQ(Tags(";+a=\"<>\";+b=\"<\";+c=\"\""), "+a=<> +b=< +c= ");
  EXPECT_EQ(Tags(";audio;;video"), "audio= !");
  EXPECT_EQ(Tags(";+a=\"x"), "!");
}

TEST(SipFeatureTag, FindsOne) {
  const std::string_view params = ";audio;+g.3gpp.ICSI-ref=\"a,b\"";
  const std::optional<FeatureTag> tag = FindFeatureTag(params, "+g.3gpp.icsi-ref");
  ASSERT_TRUE(tag.has_value());
  EXPECT_EQ(tag->value, "a,b");
  EXPECT_FALSE(FindFeatureTag(params, "video").has_value());
}

// RFC 3840 9: methods="INVITE,BYE", `!` for what is not, <> for strings.
TEST(SipFeatureTag, Values) {
  const std::string both = ";+g.3gpp.icsi-ref=\"x , " + std::string(kMmtel) + "\"";
  const FeatureTag list = FindFeatureTag(both, "+g.3gpp.icsi-ref").value();
  EXPECT_TRUE(HasFeatureValue(list, kMmtel));
  EXPECT_TRUE(HasFeatureValue(list, "X"));
  EXPECT_FALSE(HasFeatureValue(list, kMmtel.substr(1)));
  EXPECT_FALSE(HasFeatureValue(list, ""));
  const FeatureTag negated = FindFeatureTag(";mobility=\"!fixed\"", "mobility").value();
  EXPECT_FALSE(HasFeatureValue(negated, "fixed"));
  EXPECT_TRUE(HasFeatureValue(negated, "!fixed"));
  const FeatureTag text = FindFeatureTag(";+a=\"<One,Two>\"", "+a").value();
  EXPECT_TRUE(HasFeatureValue(text, "One,Two"));
  EXPECT_FALSE(HasFeatureValue(text, "One"));
  EXPECT_FALSE(HasFeatureValue(text, "one,two"));
}

// RFC 6809 6.2, TS 24.229 7.9A.
TEST(SipFeatureCaps, Good) {
  FeatureCaps caps;
  ASSERT_EQ(DecodeFeatureCaps("* ;+g.3gpp.srvcc;+g.3gpp.atcf=\"<tel:+1>\";+x=\"a,b\"", &caps),
            ParseError::kOk);
  EXPECT_EQ(Tags(caps.params), "+g.3gpp.srvcc= +g.3gpp.atcf=<tel:+1> +x=a,b ");
  ASSERT_EQ(DecodeFeatureCaps("*", &caps), ParseError::kOk);
  EXPECT_EQ(caps.params, "");
}

TEST(SipFeatureCaps, Bad) {
  for (const char* text :
       {"", ";+a", "**;+a", "x;+a", "*;a", "*;+", "*;+a=b", "*;+a;;+b", "*;", "*;+a=\"b", "*,*"}) {
    FeatureCaps caps;
    EXPECT_EQ(DecodeFeatureCaps(text, &caps), ParseError::kBadHeaderValue) << text;
  }
}

}  // namespace
}  // namespace sip
