// integrity-protected, as the core is told (TS 33.203 annex P.3 and 6.1.5): a core that believes a
// wrong "yes" lets one subscriber in for another.

#include "tests/edge_steps.h"

namespace edge {
namespace {

class Spec4_4 : public EdgeSteps {
 protected:
  static std::string Mark(const std::string& forwarded) {
    return ParamOf(forwarded, "integrity-protected");
  }
  // A REGISTER over a set with these credentials.
  std::string On(const TestSet& set, const std::string& credentials) {
    return OnSet(set, phone_.Register(phone_.port_us, credentials,
                                      phone_.SecurityClient() + "Security-Verify: " +
                                          phone_.set.security_server + "\r\n"));
  }
  TestPhone phone_;
};

TEST_F(Spec4_4, IsNoOnTheUnprotectedPortWhateverTheCredentialsSay) {
  for (const char* credentials :
       {"nonce=\"\",response=\"\"", "nonce=\"n\",response=\"f00d\"",
        "nonce=\"n\",response=\"f00d\",integrity-protected=\"yes\"",
        "nonce=\"n\",response=\"f00d\",integrity-protected=yes",
        "nonce=\"n\",Integrity-Protected = \"yes\",response=\"f00d\"",
        "integrity-protected=\"ip-assoc-yes\",nonce=\"n\",response=\"f00d\""}) {
    const std::string forwarded =
        Deliver(phone_.Clear(), phone_.Gm(),
                phone_.Register(5060, credentials, phone_.SecurityClient()))
            .text;
    EXPECT_EQ(Mark(forwarded), "no") << credentials;
    EXPECT_EQ(forwarded.find("yes"), std::string::npos) << credentials;
    EXPECT_EQ(forwarded.find("ntegrity-", forwarded.find("ntegrity-") + 1), std::string::npos);
  }
}

TEST_F(Spec4_4, IsYesForTheAnswerOnTheTemporarySet) {
  Challenge(&phone_, Initial(&phone_), "open");
  EXPECT_EQ(Mark(On(phone_.set, "nonce=\"open\",response=\"f00d\"")), "yes");
}

TEST_F(Spec4_4, IsNoOnTheTemporarySetWithoutAnAnswer) {
  Challenge(&phone_, Initial(&phone_), "open");
  EXPECT_EQ(Mark(On(phone_.set, "nonce=\"open\",response=\"\"")), "no");
}

TEST_F(Spec4_4, IsNoOnTheTemporarySetForTheAnswerToAnotherChallenge) {
  Challenge(&phone_, Initial(&phone_), "open");
  EXPECT_EQ(Mark(On(phone_.set, "nonce=\"stale\",response=\"f00d\"")), "no");
}

TEST_F(Spec4_4, IsYesOnTheCurrentSetWithoutANewAnswer) {
  Register(&phone_);
  EXPECT_EQ(Mark(On(phone_.set, "nonce=\"" + phone_.nonce + "\",response=\"f00d\"")), "yes")
      << "phones repeat the last answer";
  EXPECT_EQ(Mark(On(phone_.set, "nonce=\"\",response=\"\"")), "yes");
  EXPECT_EQ(Mark(On(phone_.set, "nonce=\"n\",response=\"\",integrity-protected=\"no\"")), "yes");
}

TEST_F(Spec4_4, IsNoOnTheCurrentSetForTheAnswerToAnOpenChallenge) {
  Register(&phone_);
  const TestSet current = BeginAgain(&phone_, "open");
  EXPECT_EQ(Mark(On(current, "nonce=\"open\",response=\"f00d\"")), "no");
  EXPECT_EQ(States(), "Current Temporary") << "and the challenge stays open";
}

TEST_F(Spec4_4, IsYesOnTheNewSetAndNoOnTheOld) {
  Register(&phone_);
  const TestSet old = BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  EXPECT_EQ(Mark(On(phone_.set, "nonce=\"second\",response=\"f00d\"")), "yes");
  EXPECT_EQ(States(), "Current Old");
  EXPECT_EQ(Mark(On(old, "nonce=\"second\",response=\"f00d\"")), "no");
  EXPECT_EQ(Mark(On(old, "nonce=\"\",response=\"\"")), "no");
}

TEST_F(Spec4_4, IsToldOnceWhereThePhoneSendsCredentialsTwice) {
  Register(&phone_);
  const std::string forged =
      "Authorization: Digest username=\"x\",realm=\"y\",nonce=\"z\",uri=\"sip:y\",response=\"\","
      "integrity-protected=\"yes\"\r\n";
  const std::string text = phone_.Protected();
  const std::string forwarded = OnSet(phone_.set, Replaced(text, "Expires:", forged + "Expires:"));
  const std::string lines = LinesOf(forwarded, "Authorization");
  EXPECT_EQ(lines.find("\"yes\""), lines.rfind("\"yes\"")) << lines;
  EXPECT_LT(lines.find("\"yes\""), lines.find("username=\"x\"")) << lines;
}

TEST_F(Spec4_4, OfARegisterWithoutCredentialsCannotBeToldSoItIsRefused) {
  const std::string text = phone_.Initial();
  const Sent sent =
      Deliver(phone_.Clear(), phone_.Gm(), Replaced(text, LinesOf(text, "Authorization"), ""));
  EXPECT_EQ(StatusOf(sent.text), 403);
  EXPECT_EQ(world_.core().registrar().bindings().in_use(), 0u);
}

}  // namespace
}  // namespace edge
