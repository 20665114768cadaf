// REGISTER at the core: challenge, answer, refresh, resynchronisation, refusal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_core_fixture.h"
#include "tools/core_registrar.h"

namespace tools {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CoreRegistrar : public CoreFixture {
 protected:
  const RegistrarCounters& counters() { return node().registrar().counters(); }
  const std::string imsi_ = "001010000000001";
};

TEST_F(CoreRegistrar, ChallengesWithKeysForTheEdge) {
  const auto sent = Give(RegisterText({}));
  ASSERT_EQ(sent.size(), 1u);
  const sip::Message& challenge = sent[0].message;
  EXPECT_EQ(challenge.status(), 401);
  sip::Digest digest;
  ASSERT_EQ(sip::DecodeDigest(challenge.Value(sip::HeaderId::kWwwAuthenticate), &digest),
            sip::ParseError::kOk);
  EXPECT_EQ(digest.realm().value, kRealm);
  EXPECT_EQ(digest.algorithm().value, "AKAv1-MD5");
  EXPECT_EQ(digest.qop().value, "auth");
  const UsimAnswer answer = Usim(0, std::string(digest.nonce().value));
  ASSERT_EQ(verdict_, AutnResult::kOk);
  EXPECT_EQ(digest.ck().value, HexEncode(answer.ck));
  EXPECT_EQ(digest.ik().value, HexEncode(answer.ik));
  EXPECT_TRUE(digest.ck().quoted && digest.ik().quoted);
  EXPECT_THAT(challenge.Value(sip::HeaderId::kPChargingVector), HasSubstr(";term-ioi="));
  EXPECT_THAT(Violated(), IsEmpty());
}

TEST_F(CoreRegistrar, UsesANewSqnForEachChallenge) {
  const std::string first = NonceOf(Give(RegisterText({})).at(0).message);
  const std::string second = NonceOf(Give(RegisterText({.branch = "z9hG4bKn"})).at(0).message);
  EXPECT_NE(first, second);
  EXPECT_LT(Usim(0, first).sqn, Usim(0, second).sqn);
}

TEST_F(CoreRegistrar, RepeatsTheChallengeForARetransmission) {
  const std::string first = NonceOf(Give(RegisterText({})).at(0).message);
  EXPECT_EQ(NonceOf(Give(RegisterText({})).at(0).message), first);
  EXPECT_EQ(counters().challenges, 1u);
  EXPECT_EQ(counters().registers, 2u);
}

TEST_F(CoreRegistrar, RegistersARightAnswer) {
  Register();
  const auto sent = Sent();
  const sip::Message& ok = sent.at(0).message;
  EXPECT_EQ(ok.Value(sip::HeaderId::kServiceRoute), "<sip:orig@10.0.0.20:5060;lr>");
  EXPECT_EQ(ok.Value(sip::HeaderId::kPath), "<sip:t8f3a2c1b@10.0.0.10:5060;lr;ob>");
  EXPECT_EQ(ok.Value(sip::HeaderId::kContact),
            "<sip:001010000000001@198.51.100.77:37002>;+sip.instance=\"<urn:gsma:imei:1>\""
            ";expires=3600");
  EXPECT_EQ(ok.Value(sip::HeaderId::kPAssociatedUri),
            fmt::format("<sip:001010000000001@{0}>, <sip:+10000000001@{0};user=phone>, "
                        "<tel:+10000000001>",
                        kRealm));
  EXPECT_TRUE(ok.Has(sip::HeaderId::kPChargingFunctionAddresses));
  const Binding* binding = node().registrar().Find(0, now_ms_);
  ASSERT_NE(binding, nullptr);
  EXPECT_EQ(binding->contact_uri, "sip:001010000000001@198.51.100.77:37002");
  EXPECT_EQ(binding->edge, edge_);
  EXPECT_EQ(node().registrar().Find(0, now_ms_ + 3'600'000), nullptr);
  EXPECT_THAT(Violated(), IsEmpty());
}

TEST_F(CoreRegistrar, GrantsNoMoreThanAskedFor) {
  const std::string nonce = NonceOf(Give(RegisterText({})).at(0).message);
  const auto sent =
      Give(RegisterText({.branch = "z9hG4bKb",
                         .credentials = Credentials(imsi_, nonce, AsText(Usim(0, nonce).res)),
                         .integrity = "yes",
                         .expires = "120"}));
  EXPECT_THAT(sent.at(0).message.Value(sip::HeaderId::kContact), HasSubstr(";expires=120"));
}

TEST_F(CoreRegistrar, RefusesAWrongAnswerAndItsRetransmission) {
  const std::string nonce = NonceOf(Give(RegisterText({})).at(0).message);
  const RegisterCase wrong{.branch = "z9hG4bKb",
                           .credentials = Credentials(imsi_, nonce, "not RES"),
                           .integrity = "yes"};
  EXPECT_EQ(Give(RegisterText(wrong)).at(0).message.status(), 403);
  EXPECT_EQ(Give(RegisterText(wrong)).at(0).message.status(), 403);
  EXPECT_EQ(counters().refusals, 2u);
  EXPECT_EQ(node().registrar().Find(0, now_ms_), nullptr);
}

TEST_F(CoreRegistrar, ChallengesAnAnswerThatWasNotProtected) {
  const std::string nonce = NonceOf(Give(RegisterText({})).at(0).message);
  const auto sent =
      Give(RegisterText({.branch = "z9hG4bKb",
                         .credentials = Credentials(imsi_, nonce, AsText(Usim(0, nonce).res)),
                         .integrity = "no"}));
  EXPECT_EQ(sent.at(0).message.status(), 401);
  EXPECT_EQ(counters().registrations, 0u);
}

TEST_F(CoreRegistrar, TakesAnUnprotectedAnswerWhenToldTo) {
  options_.registrar.accept_unprotected = true;
  const std::string nonce = NonceOf(Give(RegisterText({})).at(0).message);
  const auto sent =
      Give(RegisterText({.branch = "z9hG4bKb",
                         .credentials = Credentials(imsi_, nonce, AsText(Usim(0, nonce).res)),
                         .integrity = "no"}));
  EXPECT_EQ(sent.at(0).message.status(), 200);
}

TEST_F(CoreRegistrar, RefreshesWithoutAChallenge) {
  const std::string nonce = Register();
  RegisterCase refresh{.branch = "z9hG4bKc",
                       .credentials = Credentials(imsi_, nonce, AsText(Usim(0, nonce).res)),
                       .integrity = "yes"};
  EXPECT_EQ(Give(RegisterText(refresh)).at(0).message.status(), 200);
  refresh.branch = "z9hG4bKd";
  refresh.credentials = ",nonce=\"\",response=\"\"";
  EXPECT_EQ(Give(RegisterText(refresh)).at(0).message.status(), 200);
  EXPECT_EQ(counters().refreshes, 2u);
  EXPECT_EQ(counters().challenges, 1u);
}

TEST_F(CoreRegistrar, ChallengesARefreshThatIsNotProtected) {
  const std::string nonce = Register();
  const RegisterCase refresh{.branch = "z9hG4bKc",
                             .credentials = Credentials(imsi_, nonce, AsText(Usim(0, nonce).res)),
                             .integrity = "no"};
  EXPECT_EQ(Give(RegisterText(refresh)).at(0).message.status(), 401);
}

TEST_F(CoreRegistrar, ChallengesEveryNthRefresh) {
  options_.registrar.challenge_every = 2;
  Register();
  RegisterCase refresh{.credentials = ",nonce=\"\",response=\"\"", .integrity = "yes"};
  std::vector<int> statuses;
  for (const char* branch : {"z9hG4bK1", "z9hG4bK2", "z9hG4bK3", "z9hG4bK4"}) {
    refresh.branch = branch;
    statuses.push_back(Give(RegisterText(refresh)).at(0).message.status());
  }
  EXPECT_THAT(statuses, testing::ElementsAre(200, 401, 200, 401));
}

TEST_F(CoreRegistrar, ChallengesWhenThePhoneAsksForIt) {
  Register();
  const RegisterCase refresh{.branch = "z9hG4bKc",
                             .credentials = ",nonce=\"\",response=\"\"",
                             .integrity = "yes",
                             .extra = "X-Gmcore-Challenge: now\r\n"};
  EXPECT_EQ(Give(RegisterText(refresh)).at(0).message.status(), 401);
  EXPECT_NE(node().registrar().Find(0, now_ms_), nullptr);  // Still registered.
}

TEST_F(CoreRegistrar, ResynchronisesByAuts) {
  const std::string first = NonceOf(Give(RegisterText({})).at(0).message);
  constexpr uint64_t kAhead = 1'000'000;
  const UsimAnswer failure = Usim(0, first, kAhead);
  ASSERT_EQ(verdict_, AutnResult::kSyncFailure);
  const std::string auts = fmt::format(",auts=\"{}\"", Base64Encode(failure.auts));
  const auto sent = Give(
      RegisterText({.branch = "z9hG4bKb", .credentials = Credentials(imsi_, first, "", auts)}));
  ASSERT_EQ(sent.at(0).message.status(), 401);
  EXPECT_GT(Usim(0, NonceOf(sent[0].message), kAhead).sqn, kAhead);
  EXPECT_EQ(verdict_, AutnResult::kOk);
  EXPECT_EQ(counters().resynchronisations, 1u);
}

TEST_F(CoreRegistrar, RefusesAutsThatIsNotOfTheUsim) {
  const std::string nonce = NonceOf(Give(RegisterText({})).at(0).message);
  Bytes14 auts = Usim(0, nonce, 1'000'000).auts;
  auts[13] ^= 1;
  const std::string more = fmt::format(",auts=\"{}\"", Base64Encode(auts));
  const auto sent = Give(
      RegisterText({.branch = "z9hG4bKb", .credentials = Credentials(imsi_, nonce, "", more)}));
  EXPECT_EQ(sent.at(0).message.status(), 403);
  EXPECT_EQ(counters().resynchronisations, 0u);
}

TEST_F(CoreRegistrar, AnswersAStrangerWith404) {
  EXPECT_EQ(Give(RegisterText({.imsi = "001010000000011"})).at(0).message.status(), 404);
  EXPECT_EQ(Give(RegisterText({.imsi = "001010000000000"})).at(0).message.status(), 404);
  EXPECT_EQ(Give(RegisterText({.imsi = "001010000000010"})).at(0).message.status(), 401);
}

TEST_F(CoreRegistrar, Deregisters) {
  Register();
  const RegisterCase leave{.branch = "z9hG4bKc",
                           .credentials = ",nonce=\"\",response=\"\"",
                           .integrity = "yes",
                           .expires = "0"};
  const auto sent = Give(RegisterText(leave));
  EXPECT_EQ(sent.at(0).message.status(), 200);
  EXPECT_THAT(sent.at(0).message.Value(sip::HeaderId::kContact), HasSubstr(";expires=0"));
  EXPECT_FALSE(sent.at(0).message.Has(sip::HeaderId::kServiceRoute));
  EXPECT_EQ(node().registrar().Find(0, now_ms_), nullptr);
  EXPECT_EQ(counters().deregistrations, 1u);
  EXPECT_EQ(node().registrar().registered_count(), 0u);
  EXPECT_EQ(Give(RegisterText(leave)).at(0).message.status(), 200);  // A retransmission.
  EXPECT_EQ(counters().deregistrations, 1u);
}

TEST_F(CoreRegistrar, KeepsSubscribersApart) {
  Register(0);
  EXPECT_EQ(node().registrar().Find(1, now_ms_), nullptr);
  Register(1);
  EXPECT_NE(node().registrar().Find(0, now_ms_), nullptr);
  EXPECT_NE(node().registrar().Find(1, now_ms_), nullptr);
  EXPECT_EQ(node().registrar().registered_count(), 2u);
}

// K and OPc of TS 35.208 set 1 in place of the derived ones.
TEST_F(CoreRegistrar, UsesGivenKeys) {
  SubscriberOptions& subscribers = options_.registrar.subscribers;
  ASSERT_TRUE(HexDecode("465b5ce8b199b49faa5f0a2ee238a6bc", subscribers.k.emplace()));
  ASSERT_TRUE(HexDecode("cd63cb71954a9f4e48a5994e37a02baf", subscribers.opc.emplace()));
  const std::string nonce = NonceOf(Give(RegisterText({})).at(0).message);
  Bytes16 rand, autn;
  ASSERT_TRUE(ParseNonce(nonce, &rand, &autn));
  UsimAnswer answer;
  const Milenage usim(*subscribers.k, *subscribers.opc);
  EXPECT_EQ(CheckAutn(usim, rand, autn, 0, &answer), AutnResult::kOk);
}

}  // namespace
}  // namespace tools
