// A kernel that refuses, or whose answer is lost: the phone gets a 500, that set alone is rolled
// back, no SA and no SPI stays behind, and one line names the refusal (design D2).

#include <linux/xfrm.h>

#include "tests/edge_steps.h"

namespace edge {
namespace {

using testing::Combine;
using testing::Range;
using testing::Values;

struct Refusal {
  std::errc error;
  const char* name;
};

class EdgeRefusal : public EdgeSteps {
 protected:
  static TestPhone PhoneAt(int last) {
    TestPhone phone;
    phone.address = "198.51.100." + std::to_string(last);
    phone.imsi = "001010000000" + std::to_string(last);
    return phone;
  }
  // The kernel refuses request number `ordinal` (from now on) when it is of this type.
  void Refuse(uint16_t type, int ordinal, std::errc error) {
    world_.kernel().SetFault([=](uint16_t asked, int number) {
      return asked == type && number == ordinal ? error : std::errc{};
    });
  }
  void RefuseAll(uint16_t type, std::errc error) {
    world_.kernel().SetFault(
        [=](uint16_t asked, int) { return asked == type ? error : std::errc{}; });
  }
  void NoFault() { world_.kernel().SetFault(nullptr); }
  // The core's answer, as one of several messages of a turn.
  void Queue(const std::string& forwarded, int status, const std::string& lines) {
    world_.Receive(kIcscf, kCore, Answer(forwarded, status, lines));
  }
  // What left for the phone of that address.
  Sent SentTo(const std::string& address) {
    for (Sent sent = world_.Pop(); !sent.text.empty(); sent = world_.Pop()) {
      if (sent.to.starts_with(address + ":")) return sent;
    }
    return {};
  }
  void ExpectRefusalLine(const TestPhone& phone, const char* name) {
    ASSERT_FALSE(world_.attempts().empty());
    const AttemptLine& attempt = world_.attempts().back();
    EXPECT_EQ(attempt.impi, phone.Impi());
    EXPECT_EQ(attempt.result, "refused by the kernel");
    EXPECT_EQ(attempt.status, 500);
    EXPECT_NE(attempt.line.find(std::string("refused by the kernel (") + name + ": "),
              std::string::npos)
        << attempt.line;
    EXPECT_EQ(attempt.line.find('\n'), std::string::npos);
  }
  TestPhone phone_ = PhoneAt(100);
};

class EdgeRefusedSa : public EdgeRefusal,
                      public testing::WithParamInterface<std::tuple<Refusal, int>> {
 protected:
  Refusal refusal() const { return std::get<0>(GetParam()); }
  int ordinal() const { return std::get<1>(GetParam()); }
};

TEST_P(EdgeRefusedSa, IsA500AndTheOtherPhoneOfTheTurnIsServed) {
  TestPhone other = PhoneAt(101);
  const std::string first = Initial(&phone_);
  const std::string second = Initial(&other);
  Refuse(XFRM_MSG_NEWSA, ordinal(), refusal().error);
  Queue(first, 401, ChallengeLine("a"));
  Queue(second, 401, ChallengeLine("b"));
  world_.Settle();
  const Sent refused = world_.Pop();
  EXPECT_EQ(StatusOf(refused.text), 500);
  EXPECT_EQ(refused.to, phone_.Clear());
  EXPECT_EQ(LinesOf(refused.text, "Security-Server"), "");
  const Sent challenge = world_.Pop();
  EXPECT_EQ(StatusOf(challenge.text), 401);
  EXPECT_EQ(challenge.to, other.Clear());
  EXPECT_TRUE(world_.sent().empty());

  ASSERT_EQ(world_.attempts().size(), 1u);
  ExpectRefusalLine(phone_, refusal().name);
  EXPECT_EQ(stats().sets_refused, 1u);
  EXPECT_EQ(stats().sets_installed, 1u);
  EXPECT_EQ(Sas(), 4u) << "the other phone's";
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(world_.spis().counts().used, 1u);

  NoFault();
  other.TakeChallenge(challenge.text);
  EXPECT_EQ(StatusOf(Accept(OnSet(other.set, other.Protected())).text), 200);
  Register(&phone_);  // Nothing is in its way.
}

TEST_P(EdgeRefusedSa, LeavesNothingBehind) {
  Refuse(XFRM_MSG_NEWSA, ordinal(), refusal().error);
  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 500);
  ExpectNothingIsLeft();
}

TEST_P(EdgeRefusedSa, AtTheConfirmationIsA500OnTheSetWhichThenGoes) {
  TestPhone other = PhoneAt(101);
  Challenge(&phone_, Initial(&phone_), "n");
  Challenge(&other, Initial(&other), "n");
  const std::string first = OnSet(phone_.set, phone_.Protected());
  const std::string second = OnSet(other.set, other.Protected());
  Refuse(XFRM_MSG_UPDSA, ordinal(), refusal().error);
  Queue(first, 200, "Expires: 600\r\n");
  Queue(second, 200, "Expires: 600\r\n");
  world_.Settle();
  const Sent refused = world_.Pop();
  EXPECT_EQ(StatusOf(refused.text), 500);
  EXPECT_EQ(refused.from, phone_.set.from);
  EXPECT_EQ(refused.to, phone_.set.to);
  EXPECT_EQ(StatusOf(world_.Pop().text), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  ASSERT_EQ(world_.attempts().size(), 2u);
  EXPECT_EQ(world_.attempts()[0].result, "refused by the kernel");
  EXPECT_EQ(world_.attempts()[0].kernel, refusal().error);
  EXPECT_EQ(world_.attempts()[1].result, "registered");
  NoFault();
  FromCore(OnSet(other.set, Replaced(other.Protected(), "Expires: 600000", "Expires: 0")), 200);
  world_.Advance(128'000);
  ExpectNothingIsLeft();
}

INSTANTIATE_TEST_SUITE_P(All, EdgeRefusedSa,
                         Combine(Values(Refusal{std::errc::operation_not_permitted, "EPERM"},
                                        Refusal{std::errc::protocol_not_supported,
                                                "EPROTONOSUPPORT"},
                                        Refusal{std::errc::file_exists, "EEXIST"}),
                                 Range(0, 4)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "Sa" +
                                  std::to_string(std::get<1>(test.param) + 1);
                         });

TEST_F(EdgeRefusal, OfAllFourSasLeavesNothingBehind) {
  RefuseAll(XFRM_MSG_NEWSA, std::errc::operation_not_permitted);
  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 500);
  ExpectRefusalLine(phone_, "EPERM");
  ExpectNothingIsLeft();
}

TEST_F(EdgeRefusal, ForAnSaOfSomebodyElseDoesNotDeleteIt) {
  // Another program's SA to the phone has the SPI the phone offers.
  const xfrm::EspKeys keys({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kNull}, xfrm::Key(),
                           xfrm::Key());
  xfrm::Sa foreign;
  foreign.selector = {ToXfrm(At(phone_.Gm())), ToXfrm(At(phone_.Clear())), 1, 2};
  foreign.spi = phone_.spi_us;
  foreign.reqid = 7;
  foreign.keys = &keys;
  xfrm::Batch batch;
  batch.Clear(1);
  batch.AddSa(foreign);
  std::vector<std::vector<std::byte>> answers;
  world_.kernel().Send(batch.Seal(), world_.now_ms() / 1000, &answers);
  ASSERT_EQ(Sas(), 1u);

  EXPECT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 500);
  ExpectRefusalLine(phone_, "EEXIST");
  ASSERT_EQ(Sas(), 1u);
  EXPECT_EQ(world_.kernel().Sas()[0].reqid, 7u);
  EXPECT_EQ(States(), "");
}

TEST_F(EdgeRefusal, OfAReauthenticationAnswersOnTheOldSetAndKeepsIt) {
  Register(&phone_);
  const TestSet old = phone_.set;
  phone_.OfferAnew();
  const std::string forwarded = OnSet(old, phone_.Protected());
  Refuse(XFRM_MSG_NEWSA, 2, std::errc::file_exists);
  const Sent sent = FromCore(forwarded, 401, ChallengeLine("second"));
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(sent.from, old.from);
  EXPECT_EQ(sent.to, old.to);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(Registered(), 1u);
}

TEST_F(EdgeRefusal, OfARefreshIsA500OnTheSetWhoseLifetimeIsThenUnknown) {
  Register(&phone_);
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  Refuse(XFRM_MSG_UPDSA, 3, std::errc::no_such_process);  // It has ended in the kernel.
  const Sent sent = Accept(forwarded);
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(sent.from, phone_.set.from);
  ExpectRefusalLine(phone_, "ESRCH");
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(States(), "");
  phone_.OfferAnew();
  Register(&phone_);
}

TEST_F(EdgeRefusal, ByALostAnswerIsA500AfterASecondAndLeavesNothingBehind) {
  const std::string forwarded = Initial(&phone_);
  world_.kernel().DropNextAnswers(1);
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "");
  EXPECT_EQ(Sas(), 4u) << "the kernel has done it; we do not know";
  world_.Advance(999);
  EXPECT_TRUE(world_.sent().empty());
  world_.Advance(1);
  const Sent sent = world_.Pop();
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(sent.to, phone_.Clear());
  ExpectRefusalLine(phone_, "ETIMEDOUT");
  EXPECT_NE(world_.attempts().back().line.find("outcome unknown"), std::string::npos);
  ExpectNothingIsLeft();
}

TEST_F(EdgeRefusal, ByALostAnswerConcernsItsBatchAlone) {
  TestPhone other = PhoneAt(101);
  const std::string first = Initial(&phone_);
  const std::string second = Initial(&other);
  world_.kernel().DropNextAnswers(1);
  FromCore(first, 401, ChallengeLine("a"));
  EXPECT_EQ(StatusOf(Challenge(&other, second, "b").text), 401);
  world_.Advance(1'000);
  EXPECT_EQ(StatusOf(world_.Pop().text), 500);
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(EdgeRefusal, ByALostAnswerAtTheConfirmationIsA500OnTheSet) {
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  world_.kernel().DropNextAnswers(1);
  EXPECT_EQ(Accept(forwarded).text, "");
  EXPECT_EQ(Registered(), 0u);
  world_.Advance(1'000);
  const Sent sent = world_.Pop();
  EXPECT_EQ(StatusOf(sent.text), 500);
  EXPECT_EQ(sent.from, phone_.set.from);
  ExpectNothingIsLeft();
}

TEST_F(EdgeRefusal, ToDeleteIsRepeatedUntilTheKernelHasLetGoOfTheSpis) {
  Challenge(&phone_, Initial(&phone_), "n");
  RefuseAll(XFRM_MSG_DELSA, std::errc::operation_not_permitted);
  world_.Advance(30'000);
  EXPECT_EQ(States(), "Deleting");
  world_.Advance(5'000);
  EXPECT_EQ(world_.spis().counts().used, 1u) << "the SPI is still in the kernel";
  NoFault();
  world_.Advance(2'000);
  ExpectNothingIsLeft();
}

TEST_F(EdgeRefusal, ByAKernelThatFallsSilentEndsWhenItSpeaksAgain) {
  const std::string forwarded = Initial(&phone_);
  world_.set_kernel_deaf(true);
  FromCore(forwarded, 401, ChallengeLine("n"));
  for (int i = 0; i < 20; ++i) world_.Advance(500);
  EXPECT_EQ(StatusOf(SentTo("198.51.100.100").text), 500);
  EXPECT_EQ(States(), "Deleting");
  world_.set_kernel_deaf(false);
  for (int i = 0; i < 6; ++i) world_.Advance(500);
  ExpectNothingIsLeft();
}

TEST_F(EdgeRefusal, OfASetThatWasReplacedMeanwhileDeletesItsSas) {
  const std::string first = Initial(&phone_);
  world_.kernel().HoldAnswers(true);
  FromCore(first, 401, ChallengeLine("a"));
  phone_.OfferAnew();
  const std::string second = Initial(&phone_);
  FromCore(second, 401, ChallengeLine("b"));
  world_.ReleaseAnswers();
  const Sent sent = world_.Pop();
  EXPECT_EQ(StatusOf(sent.text), 401);
  EXPECT_EQ(ParamOf(sent.text, "nonce"), "b");
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(States(), "Temporary");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(world_.spis().counts().used, 1u);
}

}  // namespace
}  // namespace edge
