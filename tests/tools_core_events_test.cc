// The core tells who has subscribed of registrations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_core_fixture.h"
#include "tools/core_events.h"
#include "tools/respond.h"

namespace tools {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class CoreEvents : public CoreFixture {
 protected:
  // As the edge subscribes. `to_tag`: within the dialog.
  static std::string Subscribe(int cseq = 1, const std::string& to_tag = "",
                               const std::string& expires = "7200") {
    return fmt::format(
        "SUBSCRIBE sip:001010000000001@{0} SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKsub{1}\r\nMax-Forwards: 70\r\n"
        "Route: <sip:10.0.0.20:5060;lr>\r\nFrom: <sip:pcscf.example>;tag=p\r\n"
        "To: <sip:001010000000001@{0}>{2}\r\nCall-ID: sub\r\nCSeq: {1} SUBSCRIBE\r\n"
        "Event: reg\r\nAccept: application/reginfo+xml\r\nExpires: {3}\r\n"
        "Contact: <sip:10.0.0.10:5060>\r\n"
        "P-Asserted-Identity: <sip:t@pcscf.example:5060;lr;ob>\r\n"
        "P-Charging-Vector: icid-value=1\r\nContent-Length: 0\r\n\r\n",
        kRealm, cseq, to_tag.empty() ? "" : ";tag=" + to_tag, expires);
  }
  // What a NOTIFY says of contacts: the words of its body that change.
  static bool Says(const Owned& notify, const std::string& text) {
    return notify.text.find(text) != std::string::npos;
  }
};

TEST_F(CoreEvents, ASubscribeIsAcceptedAndToldTheState) {
  Register();
  const auto sent = Give(Subscribe());
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].message.status(), 200);
  EXPECT_EQ(sent[0].message.Value(sip::HeaderId::kExpires), "7200");
  const sip::Message& notify = sent[1].message;
  EXPECT_EQ(sip::Validate(notify), sip::ParseError::kOk);
  EXPECT_EQ(notify.request_uri(), "sip:10.0.0.10:5060");
  EXPECT_EQ(notify.Value(sip::HeaderId::kContentType), "application/reginfo+xml");
  EXPECT_THAT(notify.Value(sip::HeaderId::kSubscriptionState), HasSubstr("active"));
  EXPECT_TRUE(Says(sent[1], "version=\"0\" state=\"full\""));
  EXPECT_TRUE(Says(sent[1], "<uri>sip:001010000000001@198.51.100.77:37002</uri>"));
  EXPECT_THAT(Violated(), IsEmpty());
}

TEST_F(CoreEvents, ANotifyIsRepeatedUntilItIsAnswered) {
  Register();
  const std::string notify = Give(Subscribe()).at(1).text;
  EXPECT_THAT(Advance(499), IsEmpty());
  const auto again = Advance(1);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].text, notify);
  Give(ResponseText(again[0].message, 200));
  EXPECT_THAT(Advance(60'000), IsEmpty());
  EXPECT_EQ(node().events().answered, 1u);
}

TEST_F(CoreEvents, TheOperatorEndsARegistration) {
  Register();
  const auto first = Give(Subscribe());
  Give(ResponseText(first.at(1).message, 200));
  EXPECT_EQ(Control("dereg 001010000000001"), "");
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(Says(sent[0], "version=\"1\""));
  EXPECT_TRUE(Says(sent[0], "state=\"terminated\" event=\"deactivated\""));
  EXPECT_THAT(sent[0].message.Value(sip::HeaderId::kSubscriptionState), HasSubstr("noresource"));
  Give(ResponseText(sent[0].message, 200));
  EXPECT_EQ(Told(), "ok 200\n");
  EXPECT_EQ(node().registrar().registered_count(), 0u);
  EXPECT_EQ(Control("dereg 001010000000001"), "error not registered\n");
}

TEST_F(CoreEvents, TheOperatorShortensARegistration) {
  Register();
  Give(ResponseText(Give(Subscribe()).at(1).message, 200));
  EXPECT_EQ(Control("shorten 001010000000001 60"), "");
  const auto sent = Sent();
  EXPECT_TRUE(Says(sent.at(0), "state=\"active\" event=\"shortened\" expires=\"60\""));
  Advance(60'000);
  EXPECT_EQ(Control("mt OPTIONS 001010000000001"), "error not registered\n");
}

TEST_F(CoreEvents, WhatCannotBeDoneIsSaid) {
  Register();
  EXPECT_EQ(Control("dereg 999"), "error unknown subscriber\n");
  EXPECT_EQ(Control("shorten 001010000000001"), "error seconds are missing, or too much\n");
  EXPECT_EQ(Control("dereg 001010000000001 5"), "error seconds are missing, or too much\n");
  EXPECT_EQ(Control("dereg 001010000000001"), "error nobody has subscribed\n");
}

TEST_F(CoreEvents, ASilentEdgeIsSaidToBeSilent) {
  Register();
  Give(ResponseText(Give(Subscribe()).at(1).message, 200));
  Control("dereg 001010000000001");
  std::string told;
  for (int i = 0; i < 64 && told.empty(); ++i) {
    Advance(500);
    told = Told();
  }
  EXPECT_EQ(told, "error timeout\n");
}

TEST_F(CoreEvents, ASubscriptionEndsWithExpires0) {
  Register();
  const auto first = Give(Subscribe());
  const std::string tag(TagOf(first.at(0).message, sip::HeaderId::kTo));
  Give(ResponseText(first.at(1).message, 200));
  const auto last = Give(Subscribe(2, tag, "0"));
  ASSERT_EQ(last.size(), 2u);
  EXPECT_THAT(last[1].message.Value(sip::HeaderId::kSubscriptionState), HasSubstr("terminated"));
  Give(ResponseText(last[1].message, 200));
  EXPECT_EQ(Give(Subscribe(3, tag)).at(0).message.status(), 481);
}

TEST_F(CoreEvents, ADialogNobodyHasIs481AndAStranger404) {
  EXPECT_EQ(Give(Subscribe(2, "nobody")).at(0).message.status(), 481);
  std::string stranger = Subscribe();
  for (size_t at = 0; (at = stranger.find("001010000000001", at)) != std::string::npos;) {
    stranger.replace(at, 15, "001010000009999");
  }
  EXPECT_EQ(Give(stranger).at(0).message.status(), 404);
}

TEST_F(CoreEvents, WithoutTheEdgesIdentityTheSubscribeBreaksARule) {
  std::string text = Subscribe();
  text.erase(text.find("P-Asserted"), text.find("P-Charging") - text.find("P-Asserted"));
  Give(text);
  EXPECT_THAT(Violated(), testing::Contains(HasSubstr("P-Asserted-Identity is missing")));
}

}  // namespace
}  // namespace tools
