// The messages 19 to 25 and 90 to 95 of the scenario: re-authentication, failures of the phone,
// de-registration, emergency, and what must be refused.

#include "tests/edge_vectors.h"

#include "tests/edge_phone.h"

namespace edge {
namespace {

class EdgeVectorFailures : public EdgeVectors {
 protected:
  // The core's answer to what it got; what left for the phone.
  Sent FromCore(const Sent& forwarded, int status, const std::string& lines = "") {
    world_.Deliver(kIcscf, kCore, Answer(forwarded.text, status, lines));
    return world_.Pop();
  }
  // The one message that left, to the core.
  Sent Forwarded() {
    Sent sent = world_.Pop();
    EXPECT_EQ(sent.to, kIcscf) << sent.text;
    EXPECT_TRUE(world_.sent().empty());
    return sent;
  }
  // The one message that left, to the phone on this flow, has this status.
  Sent Refused(int status, std::string_view from, std::string_view to) {
    Sent sent = world_.Pop();
    EXPECT_EQ(StatusOf(sent.text), status) << sent.text;
    EXPECT_EQ(sent.from, from);
    EXPECT_EQ(sent.to, to);
    EXPECT_TRUE(world_.sent().empty());
    return sent;
  }
  static std::string Granted(const Sent& forwarded, int seconds) {
    return LinesOf(forwarded.text, "Contact") + "Expires: " + std::to_string(seconds) + "\r\n";
  }
  // The phone registers again over its set, is challenged, and has its 401.
  void ChallengeAgain() {
    Step("19_reregister_over_established.sip", kUeClient, kServer);
    const Sent forwarded = Forwarded();
    std::string challenge = Vector("04_401_from_core_ck_ik.sip");
    challenge = Replaced(challenge, LinesOf(challenge, "Via"), LinesOf(forwarded.text, "Via"));
    challenge = Replaced(challenge, "CSeq: 1", "CSeq: 3");
    challenge = Replaced(challenge, ParamOf(challenge, "nonce"),
                         ParamOf(Vector("20_401_to_ue_reauth.sip"), "nonce"));
    world_.Deliver(kIcscf, kCore, challenge);
    Expect("20_401_to_ue_reauth.sip", kClient, kUeServer, {kSpiC, kSpiS});
  }
  void Reauthenticate() {
    ChallengeAgain();
    Step("21_register_protected_reauth.sip", kUeClientAgain, kServer);
    const Sent forwarded = Forwarded();
    EXPECT_EQ(ParamOf(forwarded.text, "integrity-protected"), "yes");
    const Sent accepted = FromCore(forwarded, 200, Granted(forwarded, 3600));
    EXPECT_EQ(StatusOf(accepted.text), 200);
    EXPECT_EQ(accepted.from, kClientAgain);
    EXPECT_EQ(accepted.to, kUeServer);
  }
  size_t Sas() { return world_.kernel().sa_count(); }
};

TEST_F(EdgeVectorFailures, Message19Refreshes) {
  Register();
  world_.Advance(1'000'000);
  Step("19_reregister_over_established.sip", kUeClient, kServer);
  const Sent forwarded = Forwarded();
  EXPECT_EQ(ParamOf(forwarded.text, "integrity-protected"), "yes");
  EXPECT_EQ(LinesOf(forwarded.text, "Security-Client"), "");
  EXPECT_EQ(LinesOf(forwarded.text, "Security-Verify"), "");
  const Sent accepted = FromCore(forwarded, 200, Granted(forwarded, 3600));
  EXPECT_EQ(accepted.from, kClient);
  EXPECT_EQ(accepted.to, kUeServer);
  EXPECT_EQ(LinesOf(accepted.text, "Security-Server"), "");
  ASSERT_EQ(Sas(), 4u);
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    EXPECT_EQ(sa.hard_seconds, 1000u + 3600 + 30 + 30);  // Counted from when it was added.
  }
}

TEST_F(EdgeVectorFailures, Messages20And21ReauthenticateOnASetWithAnotherClientPort) {
  Register();
  Reauthenticate();
  EXPECT_EQ(Sas(), 8u);  // The old set lives until the new one is used.
}

TEST_F(EdgeVectorFailures, Message22DeletesTheTemporarySetAndIsChallengedAgain) {
  Challenge();
  ASSERT_EQ(Sas(), 4u);
  Step("22_register_auts.sip", kUe, kGm);
  EXPECT_EQ(Sas(), 0u);
  const Sent forwarded = Forwarded();
  EXPECT_EQ(ParamOf(forwarded.text, "integrity-protected"), "no");
  EXPECT_EQ(ParamOf(forwarded.text, "auts"), "uoU/PBIctV7bggBAq0E=");
  const Sent challenge = FromCore(forwarded, 401, ChallengeLine("bmV3"));
  EXPECT_EQ(StatusOf(challenge.text), 401);
  EXPECT_EQ(challenge.from, kGm);
  EXPECT_EQ(challenge.to, kUe);
  EXPECT_NE(LinesOf(challenge.text, "Security-Server"), "");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(EdgeVectorFailures, Message23DeletesTheTemporarySet) {
  Challenge();
  Step("23_register_mac_failure.sip", kUe, kGm);
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(ParamOf(Forwarded().text, "integrity-protected"), "no");
}

TEST_F(EdgeVectorFailures, Message24DeregistersAndTheSetsDrain) {
  Register();
  Reauthenticate();
  Step("24_deregister.sip", kUeClientAgain, kServer);
  const Sent forwarded = Forwarded();
  EXPECT_EQ(ParamOf(forwarded.text, "integrity-protected"), "yes");
  const Sent accepted = FromCore(forwarded, 200);
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(accepted.from, kClientAgain);
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(world_.core().registrar().registered(), 0u);
  world_.Advance(127'000);
  EXPECT_EQ(Sas(), 8u);
  world_.Advance(1'000);
  EXPECT_EQ(Sas(), 0u);
}

TEST_F(EdgeVectorFailures, Message25IsChallengedAsAnyInitialRegister) {
  Step("25_register_emergency.sip", kUe, kGm);
  const Sent forwarded = Forwarded();
  EXPECT_NE(forwarded.text.find(";sos>"), std::string::npos);
  const Sent challenge = FromCore(forwarded, 401, ChallengeLine("c29z"));
  EXPECT_EQ(StatusOf(challenge.text), 401);
  EXPECT_EQ(Sas(), 4u);
}

// What a REGISTER that answers the challenge wrongly gets: a word on the new set, then the set
// goes.
class EdgeVectorRefusals : public EdgeVectorFailures {
 protected:
  void ExpectTheSetGoes() {
    world_.Deliver(kUeClient, kServer, names_.ToOurs(Vector("06_register_protected.sip")));
    EXPECT_TRUE(world_.sent().empty()) << "a failed set carries nothing more";
    world_.Advance(64'000);
    EXPECT_EQ(Sas(), 0u);
    EXPECT_EQ(world_.core().registrar().registered(), 0u);
  }
};

TEST_F(EdgeVectorRefusals, Message90Gets494WithTheListThatWasSent) {
  Challenge();
  const std::string sent = ValueOf(names_.ToOurs(Vector("05_401_to_ue.sip")), "Security-Server");
  Step("90_bad_security_verify.sip", kUeClient, kServer);
  const Sent refused = Refused(494, kClient, kUeServer);
  EXPECT_EQ(ValueOf(refused.text, "Security-Server"), sent);
  EXPECT_EQ(ValueOf(refused.text, "Require"), "sec-agree");
  ExpectTheSetGoes();
}

TEST_F(EdgeVectorRefusals, Message91Gets494) {
  Challenge();
  Step("91_bad_security_client_changed.sip", kUeClient, kServer);
  Refused(494, kClient, kUeServer);
  ExpectTheSetGoes();
}

TEST_F(EdgeVectorRefusals, Message94Gets403) {
  Challenge();
  Step("94_bad_other_impi_protected.sip", kUeClient, kServer);
  Refused(403, kClient, kUeServer);
  ExpectTheSetGoes();
}

TEST_F(EdgeVectorRefusals, Messages92And93Get494WithTheStaticListAndLeaveNothing) {
  for (const char* name : {"92_bad_no_security_client.sip", "93_bad_tun_ah_only.sip"}) {
    Step(name, kUe, kGm);
    const Sent refused = Refused(494, kGm, kUe);
    const std::string list = ValueOf(refused.text, "Security-Server");
    EXPECT_TRUE(list.starts_with("ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp"));
    EXPECT_EQ(ParamOf(list, "spi-c"), "") << "no SAs, so no SPIs";
    EXPECT_EQ(ValueOf(refused.text, "Require"), "sec-agree");
  }
  EXPECT_EQ(world_.core().registrar().bindings().in_use(), 0u);
  ASSERT_EQ(world_.attempts().size(), 2u);
  EXPECT_EQ(world_.attempts()[0].result, "no Security-Client");
  EXPECT_EQ(world_.attempts()[1].result, "no usable mechanism offered");
}

TEST_F(EdgeVectorRefusals, TheForgedIntegrityOfMessage95IsReplaced) {
  Step("95_bad_foreign_integrity_param.sip", kUe, kGm);
  const std::string forwarded = Forwarded().text;
  const std::string authorization = ValueOf(forwarded, "Authorization");
  EXPECT_NE(authorization.find(",integrity-protected=\"no\""), std::string::npos);
  EXPECT_EQ(authorization.find("\"yes\""), std::string::npos);
}

}  // namespace
}  // namespace edge
