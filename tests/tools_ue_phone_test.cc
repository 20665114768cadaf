// What a phone does when things go wrong, on its own side or on the network's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_phone_network.h"
#include "tools/ue_phone.h"

namespace tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class UePhone : public PhoneNetwork {
 protected:
  // The one way a phone failed.
  std::string FailureOf(const FleetReport& report) {
    if (report.failures.size() != 1) return fmt::format("{} failures", report.failures.size());
    return report.failures.begin()->first;
  }
  std::string Fail(Fault fault, std::string_view scenario = "register") {
    options_.phone.fault = fault;
    return FailureOf(Run(scenario));
  }
};

TEST_F(UePhone, WrongResponseIsRefusedByTheCore) {
  EXPECT_EQ(Fail(Fault::kWrongResponse), "register: refused 403");
  EXPECT_EQ(edge_.registers_seen, 2);
}

TEST_F(UePhone, WrongVerifyDiffersFromTheServersList) {
  edge_.faults.refuse_status = 494;
  EXPECT_EQ(Fail(Fault::kWrongVerify), "register: refused 494");
  EXPECT_THAT(edge_.verifies_seen.at(1), HasSubstr("q=0.001"));
  EXPECT_EQ(edge_.clients_seen[0], edge_.clients_seen[1]);
}

TEST_F(UePhone, ChangedClientDiffersFromTheFirstOne) {
  edge_.faults.refuse_status = 494;
  EXPECT_EQ(Fail(Fault::kChangedClient), "register: refused 494");
  EXPECT_NE(edge_.clients_seen[0], edge_.clients_seen[1]);
}

TEST_F(UePhone, AutsLeadsToASecondChallengeAndARegistration) {
  EXPECT_EQ(Fail(Fault::kAuts), "0 failures");
  EXPECT_EQ(core_->registrar().counters().resynchronisations, 1u);
  EXPECT_EQ(core_->registrar().counters().registrations, 1u);
  EXPECT_EQ(edge_.registers_seen, 3);
  EXPECT_NE(edge_.clients_seen[0], edge_.clients_seen[1]);  // A set of its own.
  EXPECT_EQ(edge_.clients_seen[1], edge_.clients_seen[2]);
}

TEST_F(UePhone, NoAnswerFallsSilentAfterTheChallenge) {
  EXPECT_EQ(Fail(Fault::kNoAnswer), "register: gave-up");
  EXPECT_EQ(edge_.registers_seen, 1);
}

TEST_F(UePhone, PlainGoesFromTheUnprotectedPortToPortPs) {
  EXPECT_EQ(Fail(Fault::kPlain), "register: timeout");
  EXPECT_GT(edge_.registers_seen, 2);
  EXPECT_EQ(core_->registrar().counters().registers, 1u);
  const Owned plain(sent_by_phones_.at(1));
  EXPECT_THAT(plain.message.Value(sip::HeaderId::kVia), HasSubstr("198.51.100.77:5060;"));
}

TEST_F(UePhone, ExpectedFailuresMakeARunRight) {
  options_.expect_failure = true;
  options_.phone.fault = Fault::kWrongResponse;
  EXPECT_TRUE(Run("register").Ok());
  options_.phone.fault = Fault::kNone;
  EXPECT_FALSE(Run("register").Ok());
}

TEST_F(UePhone, MirrorsSecurityServerAndRepeatsSecurityClient) {
  Run("register,reauth");
  ASSERT_EQ(edge_.registers_seen, 4);
  EXPECT_EQ(edge_.verifies_seen[0], "");
  EXPECT_EQ(edge_.verifies_seen[1],
            "ipsec-3gpp;q=0.9;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans;spi-c=70002;"
            "spi-s=70003;port-c=6103;port-s=6101, ipsec-3gpp;q=0.8;alg=hmac-md5-96;ealg=null;"
            "prot=esp;mod=trans;spi-c=70002;spi-s=70003;port-c=6103;port-s=6101");
  EXPECT_EQ(edge_.clients_seen[0], edge_.clients_seen[1]);
  // Over the set in use its own list; a new offer with it; then the new one's.
  EXPECT_EQ(edge_.verifies_seen[2], edge_.verifies_seen[1]);
  EXPECT_NE(edge_.clients_seen[2], edge_.clients_seen[1]);
  EXPECT_THAT(edge_.verifies_seen[3], HasSubstr("spi-c=70004;"));
  EXPECT_EQ(edge_.clients_seen[3], edge_.clients_seen[2]);
}

TEST_F(UePhone, ProtectedMessagesNamePortUs) {
  Run("register,message");
  const std::string& answer = sent_by_phones_.at(1);
  EXPECT_THAT(answer, HasSubstr("Via: SIP/2.0/UDP 198.51.100.77:37002;branch="));
  EXPECT_THAT(answer, HasSubstr("Contact: <sip:001010000000001@198.51.100.77:37002>"));
  const std::string& message = sent_by_phones_.at(2);
  EXPECT_THAT(message, HasSubstr("Route: <sip:192.0.2.10:6101;lr>, <sip:orig@10.0.0.20:5060;lr>"));
  EXPECT_THAT(message, HasSubstr("Via: SIP/2.0/UDP 198.51.100.77:37002;branch="));
  EXPECT_THAT(message, HasSubstr("P-Preferred-Identity: <sip:001010000000001@"));
  EXPECT_THAT(message, HasSubstr("Require: sec-agree\r\nProxy-Require: sec-agree\r\n"));
}

TEST_F(UePhone, ARefreshRepeatsTheLastCredentials) {
  Run("register,reregister");
  const auto authorization = [](const std::string& text) {
    return std::string(Owned(text).message.Value(sip::HeaderId::kAuthorization));
  };
  EXPECT_EQ(authorization(sent_by_phones_.at(1)), authorization(sent_by_phones_.at(2)));
  EXPECT_EQ(core_->registrar().counters().refreshes, 1u);
}

TEST_F(UePhone, ARefreshMayBeChallenged) {
  core_options_.registrar.challenge_every = 1;
  const FleetReport report = Run("register,reregister,message,mt-message");
  EXPECT_TRUE(report.Ok());
  EXPECT_EQ(core_->registrar().counters().registrations, 2u);
}

TEST_F(UePhone, ReauthWithoutAChallengeIsAFailure) {
  edge_.faults.hide_wishes = true;
  EXPECT_EQ(FailureOf(Run("register,reauth")), "reauth: not-challenged");
}

TEST_F(UePhone, StepsNeedARegistration) {
  for (const std::string step : {"message", "reregister", "deregister", "mt-invite"}) {
    EXPECT_EQ(FailureOf(Run(step)), step + ": not-registered");
  }
  EXPECT_EQ(FailureOf(Run("register,deregister,message")), "message: not-registered");
}

TEST_F(UePhone, TakesTheFirstMechanismItKnows) {
  std::string error;
  ASSERT_TRUE(
      ParseAlgorithms("hmac-md5-96=null,hmac-sha-1-96=aes-cbc", &options_.phone.offer, &error));
  EXPECT_THAT(Run("register").algorithms, ElementsAre(Pair("hmac-sha-1-96=aes-cbc", 1)));
  ASSERT_TRUE(ParseAlgorithms("hmac-md5-96=null", &options_.phone.offer, &error));
  EXPECT_THAT(Run("register").algorithms, ElementsAre(Pair("hmac-md5-96=null", 1)));
}

TEST_F(UePhone, GivesUpWithoutACommonAlgorithm) {
  std::string error;
  ASSERT_TRUE(ParseAlgorithms("null=aes-gcm", &options_.phone.offer, &error));
  EXPECT_EQ(FailureOf(Run("register")),
            "register: no-agreement Security-Server has nothing the phone offered");
}

TEST_F(UePhone, GivesUpOnABrokenSecurityServer) {
  edge_.faults.security_server = "ipsec-3gpp;;=";
  EXPECT_THAT(FailureOf(Run("register")), HasSubstr("register: no-agreement"));
}

TEST_F(UePhone, FindsLeakedKeys) {
  edge_.faults.leak_keys = true;
  const FleetReport report = Run("register");
  EXPECT_THAT(report.violations, ElementsAre(Pair("401: ik or ck leaks to the phone", 1)));
  EXPECT_FALSE(report.Ok());
}

TEST_F(UePhone, FindsLeakedChargingHeaders) {
  edge_.faults.leak_charging = true;
  EXPECT_THAT(Run("register").violations,
              ElementsAre(Pair("200: P-Charging-Function-Addresses leaks to the phone", 1),
                          Pair("200: P-Charging-Vector leaks to the phone", 1),
                          Pair("401: P-Charging-Vector leaks to the phone", 1)));
}

TEST_F(UePhone, FindsResponsesThatDoNotComeFromPortPc) {
  edge_.ways.wrong_source = true;
  EXPECT_EQ(FailureOf(Run("register")),
            "register: wrong-flow 192.0.2.10:6101 to 198.51.100.77:37002");
}

TEST_F(UePhone, FindsAViaThatDoesNotNamePortPs) {
  edge_.faults.wrong_via = true;
  const FleetReport report = Run("register,mt-options", 40);
  EXPECT_THAT(report.violations,
              ElementsAre(Pair("OPTIONS: the topmost Via does not name port_ps", testing::Ge(1))));
}

TEST_F(UePhone, MissesTheRequestItAskedFor) {
  options_.phone.timeout_ms = 3000;
  edge_.faults.drop_requests = true;
  EXPECT_EQ(FailureOf(Run("register,mt-message")), "mt-message: no-request");
}

TEST_F(UePhone, DoesNotTrustANetworkWithOtherKeys) {
  core_options_.registrar.subscribers.seed = "another network";
  EXPECT_EQ(FailureOf(Run("register")), "register: network-not-trusted");
}

TEST_F(UePhone, StrangersAreRefused) {
  core_options_.registrar.subscribers.first_imsi = "999990000000001";
  EXPECT_EQ(FailureOf(Run("register")), "register: refused 404");
}

TEST_F(UePhone, TimesOutAfterItsTime) {
  edge_.faults.drop_responses = 1000;
  options_.phone.timeout_ms = 32000;
  const uint64_t start_us = now_us_;
  EXPECT_EQ(FailureOf(Run("register")), "register: timeout");
  EXPECT_EQ(now_us_ - start_us, 32'000'000u);
  EXPECT_EQ(edge_.registers_seen, 11);  // RFC 3261 17.1.2.2: 0, 0.5, 1.5, 3.5, 7.5, ... 31.5 s.
}

}  // namespace
}  // namespace tools
