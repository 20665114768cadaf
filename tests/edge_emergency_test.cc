#include <gtest/gtest.h>

#include <pugixml.hpp>
#include <string>
#include <vector>

#include "edge/emergency.h"

namespace edge {
namespace {

// Of a request with that method and Request-URI.
template <typename Ask>
bool Of(const std::string& method, const std::string& uri, Ask ask) {
  const std::string text = method + " " + uri + " SIP/2.0\r\n\r\n";
  const std::string padded = text + std::string(sip::kPaddingSize, '\0');
  sip::Message message;
  EXPECT_EQ(sip::Parse(sip::PaddedView::Promise(std::string_view(padded).substr(0, text.size())),
                       &message),
            sip::ParseError::kOk);
  return ask(message);
}

bool Dials(const std::string& uri, const std::vector<std::string>& numbers = {"112", "+911"},
           const std::string& method = "INVITE") {
  return Of(method, uri,
            [&](const sip::Message& message) { return DialsEmergency(message, numbers); });
}

TEST(EdgeEmergency, AUrnForHelpIsACallForHelp) {
  const auto is_call = [](const std::string& uri) { return Of("INVITE", uri, IsEmergencyCall); };
  EXPECT_TRUE(is_call("urn:service:sos"));
  EXPECT_TRUE(is_call("urn:service:sos.police"));
  EXPECT_FALSE(is_call("urn:service:counseling"));
  EXPECT_FALSE(is_call("sip:112@x"));
}

TEST(EdgeEmergency, ANumberIsDialledAsTelOrAsTheUserOfSip) {
  for (const char* uri : {"tel:112", "sip:112@ims.example", "sip:112@ims.example;user=phone",
                          "sips:112@ims.example", "tel:1-1.2", "tel:(112)", "tel:+911",
                          "tel:112;phone-context=+1", "sip:112;phone-context=x@ims.example"}) {
    EXPECT_TRUE(Dials(uri)) << uri;
  }
  for (const char* uri : {"tel:1123", "tel:11", "tel:911", "tel:+112", "sip:a112@x", "sip:112.x",
                          "sip:x", "urn:service:sos", "urn:112", "http:112"}) {
    EXPECT_FALSE(Dials(uri)) << uri;
  }
}

TEST(EdgeEmergency, OnlyAnInviteDials) {
  EXPECT_FALSE(Dials("tel:112", {"112"}, "MESSAGE"));
  EXPECT_FALSE(Dials("tel:112", {"112"}, "OPTIONS"));
}

TEST(EdgeEmergency, WithoutNumbersNothingIsDialled) {
  EXPECT_FALSE(Dials("tel:112", {}));
}

TEST(EdgeEmergency, ADialStringIsDigitsStarsAndHashes) {
  for (const char* good : {"112", "+911", "*9", "#31#", "0"}) EXPECT_TRUE(IsDialString(good));
  for (const char* bad : {"", "+", "11 2", "1-1-2", "a", "1+1", "112@x"}) {
    EXPECT_FALSE(IsDialString(bad)) << bad;
  }
}

TEST(EdgeEmergency, TheBodyIsXmlThatSaysWhatToDo) {
  pugi::xml_document document;
  ASSERT_TRUE(document.load_buffer(kAlternativeService.data(), kAlternativeService.size()));
  const pugi::xml_node root = document.child("ims-3gpp");
  EXPECT_STREQ(root.attribute("version").value(), "1");
  const pugi::xml_node service = root.child("alternative-service");
  EXPECT_STREQ(service.child_value("type"), "emergency");
  EXPECT_STREQ(service.child_value("action"), "emergency-registration");
  EXPECT_STRNE(service.child_value("reason"), "");
}

}  // namespace
}  // namespace edge
