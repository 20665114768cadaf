// Spec sheet 6: every violation and its answer. A case a row; rows that need more than one message
// of a phone stand below the table.

#include <functional>

#include "tests/edge_spec.h"

namespace edge {
namespace {

std::string Without(std::string text, std::initializer_list<const char*> headers) {
  for (const char* name : headers) text = Replaced(text, LinesOf(text, name), "");
  return text;
}

// What is wrong with a REGISTER in clear, and what it gets; 0: silence.
struct Violation {
  const char* name;
  std::function<std::string(const std::string& initial)> change;
  int status;
  const char* header = "";  // One that the answer has.
};

const Violation kInClear[] = {
    {"SecAgreeWithoutSecurityClient",
     [](const std::string& text) { return Without(text, {"Security-Client"}); }, 494,
     "Security-Server"},
    {"SecAgreeWithoutAUsableMechanism",
     [](const std::string& text) { return Replaced(text, "ipsec-3gpp", "tls"); }, 494,
     "Security-Server"},
    {"NoSecAgreeAnywhere",
     [](const std::string& text) {
       return Without(text, {"Security-Client", "Require", "Proxy-Require", "Supported"});
     },
     421, "Security-Server"},
    {"NoCommonAlgorithm",
     [](const std::string& text) { return Replaced(text, "alg=hmac-sha-1-96", "alg=foo"); }, 494,
     "Security-Server"},
    {"MoreThanOneVia",
     [](const std::string& text) {
       return Replaced(text, "Max-Forwards", "Via: SIP/2.0/UDP x;branch=z9hG4bK-2\r\nMax-Forwards");
     },
     502},
    {"BrokenSecuritySyntax",
     [](const std::string& text) { return Replaced(text, "ipsec-3gpp;", "ipsec-3gpp;;="); }, 400},
    {"NatWithoutUdpEncTun",
     [](const std::string& text) { return Replaced(text, "UDP 198.51.100.77", "UDP 10.1.1.1"); },
     0},
    {"UnknownProxyRequire",
     [](const std::string& text) {
       return Replaced(text, "Proxy-Require: sec-agree", "Proxy-Require: foo");
     },
     420, "Unsupported"},
    {"MaxForwards0",
     [](const std::string& text) { return Replaced(text, "Max-Forwards: 70", "Max-Forwards: 0"); },
     483},
    {"UnsupportedUriScheme",
     [](const std::string& text) { return Replaced(text, "REGISTER sip:", "REGISTER http:"); },
     416},
    {"VersionNotSip2",
     [](const std::string& text) { return Replaced(text, " SIP/2.0\r\n", " SIP/3.0\r\n"); }, 505},
    {"Malformed", [](const std::string& text) { return Replaced(text, "To: <", "To: <<"); }, 400},
    {"MalformedBeyondAnAnswer", [](const std::string& text) { return Without(text, {"Call-ID"}); },
     0},
    {"InviteWithoutSas",
     [](const std::string& text) {
       return Replaced(Replaced(text, "REGISTER sip", "INVITE sip"), " REGISTER\r\n",
                       " INVITE\r\n");
     },
     403},
};

class Spec6 : public SpecTable, public testing::WithParamInterface<Violation> {};

TEST_P(Spec6, InClear) {
  const Sent sent = Deliver(phone_.Clear(), phone_.Gm(), GetParam().change(phone_.Initial()));
  EXPECT_EQ(StatusOf(sent.text), GetParam().status) << sent.text;
  EXPECT_EQ(sent.text.empty(), GetParam().status == 0);
  EXPECT_TRUE(world_.sent().empty());
  if (sent.text.empty()) return;
  EXPECT_EQ(sent.from, phone_.Gm());
  EXPECT_EQ(sent.to, phone_.Clear());
  if (*GetParam().header != '\0') {
    EXPECT_NE(LinesOf(sent.text, GetParam().header), "");
  }
  const bool is_about_security = sent.text.find("Security-Server") != std::string::npos;
  EXPECT_EQ(ValueOf(sent.text, "Require"), is_about_security ? "sec-agree" : "");
  EXPECT_EQ(world_.core().registrar().bindings().in_use(), 0u) << "it leaves nothing";
}

INSTANTIATE_TEST_SUITE_P(Row, Spec6, testing::ValuesIn(kInClear),
                         [](const auto& row) { return std::string(row.param.name); });

// The same of the REGISTER that answers the challenge, over the new set.
const Violation kOnTheNewSet[] = {
    {"NoSecurityVerify", [](const std::string& text) { return Without(text, {"Security-Verify"}); },
     494, "Security-Server"},
    {"NoSecurityClient", [](const std::string& text) { return Without(text, {"Security-Client"}); },
     494, "Security-Server"},
    {"SecurityVerifyMismatch",
     [](const std::string& text) {
       return Replaced(text, "Security-Verify: ipsec-3gpp;q=0.9",
                       "Security-Verify: ipsec-3gpp;q=0.8");
     },
     494, "Security-Server"},
    {"SecurityClientMismatch",
     [](const std::string& text) { return Replaced(text, "port-c=37001", "port-c=37005"); }, 494,
     "Security-Server"},
    {"AnotherImpi",
     [](const std::string& text) { return Replaced(text, "username=\"0", "username=\"9"); }, 403},
    {"SourceIsNotTheVia",
     [](const std::string& text) {
       return Replaced(text, "UDP 198.51.100.77", "UDP 198.51.100.1");
     },
     403},
};

class Spec6Answer : public SpecTable, public testing::WithParamInterface<Violation> {};

TEST_P(Spec6Answer, OnTheNewSet) {
  ASSERT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 401);
  const Sent sent = FromPhone(GetParam().change(phone_.Protected()));
  EXPECT_EQ(StatusOf(sent.text), GetParam().status) << sent.text;
  EXPECT_EQ(sent.from, phone_.set.from);
  EXPECT_EQ(sent.to, phone_.set.to);
  EXPECT_EQ(ValueOf(sent.text, "Security-Server"),
            *GetParam().header != '\0' ? phone_.set.security_server : "");
  EXPECT_EQ(States(), "Failed") << "the registration is aborted";
  EXPECT_TRUE(world_.sent().empty()) << "and nothing forwarded";
}

INSTANTIATE_TEST_SUITE_P(Row, Spec6Answer, testing::ValuesIn(kOnTheNewSet),
                         [](const auto& row) { return std::string(row.param.name); });

class Spec6Rows : public SpecTable {};

TEST_F(Spec6Rows, AnAcceptableOfferIsNotAnsweredByUs) {
  EXPECT_EQ(Deliver(phone_.Clear(), phone_.Gm(), phone_.Initial()).to, kIcscf);
}

TEST_F(Spec6Rows, ThePortOfAnotherSubscriberIs403) {
  world_.settings().gm.take_over = false;
  Go();
  TestPhone other;
  other.imsi = "001010000000009";
  EXPECT_EQ(StatusOf(Deliver(other.Clear(), other.Gm(), other.Initial()).text), 403);
}

TEST_F(Spec6Rows, AFourthSetIs403) {
  Go();
  BeginAgain(&phone_, "second");
  ASSERT_EQ(StatusOf(FromCore(OnSet(phone_.set, phone_.Protected()), 200, Accepted()).text), 200);
  Forwarded(Mo("MESSAGE"));
  BeginAgain(&phone_, "third");
  // Every new challenge makes room for itself, so that a fourth takes a defect: here it is.
  world_.core().registrar().sets().ForEach([](SaSet* set) {
    if (set->state == SetState::kTemporary) set->state = SetState::kOld;
  });
  phone_.OfferAnew();
  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "fourth").text), 403);
}

TEST_F(Spec6Rows, A401WithoutKeysIs500) {
  const std::string forwarded = Initial(&phone_);
  const std::string bare =
      "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",algorithm=AKAv1-MD5\r\n";
  EXPECT_EQ(StatusOf(FromCore(forwarded, 401, bare).text), 500);
}

TEST_F(Spec6Rows, AKernelThatRefusesIs500) {
  world_.kernel().SetFault([](uint16_t, int) { return std::errc::no_buffer_space; });
  EXPECT_EQ(StatusOf(FromCore(Initial(&phone_), 401, ChallengeLine("n")).text), 500);
}

TEST_F(Spec6Rows, ARequestInClearOfAPhoneWithSasIs403) {
  Go();
  EXPECT_EQ(StatusOf(Deliver(phone_.Clear(), phone_.Gm(), Mo("INVITE")).text), 403);
}

TEST_F(Spec6Rows, ARequestOfAPhoneThatIsNotRegisteredIsDropped) {
  Go();
  world_.Advance(3'600'000);  // The set outlives the registration.
  ASSERT_EQ(Registered(), 0u);
  ASSERT_EQ(States(), "Current");
  EXPECT_EQ(FromPhone(Mo("INVITE")).text, "");
  EXPECT_EQ(stats().drop_not_registered, 1u);
}

TEST_F(Spec6Rows, OnAProtectedPortWithoutASetNothingIsSaid) {
  Go();
  EXPECT_EQ(Deliver("198.51.100.77:39999", phone_.set.server, Mo("INVITE")).text, "");
  EXPECT_EQ(stats().drop_no_set, 1u);
  EXPECT_FALSE(world_.Connect("198.51.100.77:39999", phone_.set.server));
}

TEST_F(Spec6Rows, OnATemporarySetAnythingButRegisterIsDropped) {
  ASSERT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 401);
  EXPECT_EQ(FromPhone(Mo("INVITE")).text, "");
  EXPECT_EQ(stats().drop_not_carried, 1u);
}

TEST_F(Spec6Rows, ASilentCoreIs504) {
  Initial(&phone_);
  world_.Advance(32'000);
  EXPECT_EQ(StatusOf(world_.Pop().text), 504);
}

TEST_F(Spec6Rows, InOverloadItIs503WithRetryAfter) {
  world_.core().SetOverload(Overload::Level::kRefuseNew);
  const Sent sent = Deliver(phone_.Clear(), phone_.Gm(), phone_.Initial());
  EXPECT_EQ(StatusOf(sent.text), 503);
  EXPECT_GE(std::stoi(ValueOf(sent.text, "Retry-After")), 10);
}

}  // namespace
}  // namespace edge
