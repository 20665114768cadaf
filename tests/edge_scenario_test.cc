// The message scenario of the spec sheet (02 to 18): what the core forwards is the expected message
// byte for byte, but for values that must differ from run to run.

#include "tests/edge_vectors.h"

namespace edge {
namespace {

using EdgeScenario = EdgeVectors;

TEST_F(EdgeScenario, RegistersAsMessages02To09Say) {
  Register();
  EXPECT_EQ(world_.kernel().sa_count(), 4u);
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    EXPECT_EQ(sa.hard_seconds, 3600u + 30 + 30);  // Granted, the set's own slack, the kernel's.
  }
  ASSERT_EQ(world_.attempts().size(), 1u);
  EXPECT_EQ(world_.attempts()[0].result, "registered");
}

TEST_F(EdgeScenario, SendsAnInviteOfThePhoneAs14Says) {
  Register();
  Step("13_invite_mo_from_ue.sip", kUeClient, kServer);
  // The Service-Route is a name, and names are not looked up: the configured next hop takes it.
  Expect("14_invite_mo_to_scscf.sip", kCore, kIcscf, {kBranch, kIcid, kRecordRoute});
}

TEST_F(EdgeScenario, SendsAnInviteToThePhoneAs16SaysAndItsAnswerAs18Says) {
  Register();
  Step("15_invite_mt_from_scscf.sip", kScscf, kCore);
  Expect("16_invite_mt_to_ue.sip", kClient, kUeServer, {kViaParams, kRecordRoute});
  Step("17_180_mt_from_ue.sip", kUeClient, kServer);
  Expect("18_180_mt_to_scscf.sip", kCore, kScscf, {});
}

// 01 is of another phone: IPv6, Security-Client on four lines, SPIs of fewer than ten digits.
TEST_F(EdgeScenario, ForwardsTheRegisterOf01) {
  Settings settings = ScenarioSettings();
  settings.gm.listen.push_back(At("[2001:db8:10::10]:5060"));
  World world(settings);
  world.Deliver("[2001:db8:45::77]:49152", "[2001:db8:10::10]:5060",
                Vector("01_register_initial_iphone.sip"));
  const Sent sent = world.Pop();
  EXPECT_EQ(sent.to, kIcscf);
  EXPECT_EQ(sent.text.find("Security-Client"), std::string::npos);
  EXPECT_EQ(sent.text.find("Require: sec-agree"), std::string::npos);
  EXPECT_NE(sent.text.find("integrity-protected=\"no\"\r\n"), std::string::npos);
  EXPECT_NE(sent.text.find("Via: SIP/2.0/TCP [2001:db8:45::77]:5060;branch=z9hG4bKnashds7x1\r\n"),
            std::string::npos);
}

// We subscribe to nothing yet: 11 and 12 belong to a dialog that we do not have.
TEST_F(EdgeScenario, AnswersTheNotifyOf11And12With481) {
  for (const char* notify : {"11_notify_reg_active.sip", "12_notify_reg_network_dereg.sip"}) {
    Step(notify, kScscf, kCore);
    const Sent sent = world_.Pop();
    EXPECT_TRUE(sent.text.starts_with("SIP/2.0 481 ")) << sent.text;
    EXPECT_EQ(sent.to, kScscf);
  }
}

}  // namespace
}  // namespace edge
