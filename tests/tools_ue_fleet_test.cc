// Phones through whole scenarios, against a P-CSCF double and the core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools_phone_network.h"
#include "tools/ue_fleet.h"

namespace tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class UeFleet : public PhoneNetwork {
 protected:
  // Neither side may have found anything to complain of.
  void ExpectClean(const FleetReport& report) {
    EXPECT_THAT(report.failures, IsEmpty());
    EXPECT_THAT(report.violations, IsEmpty());
    EXPECT_THAT(core_->violations()->by_reason(), IsEmpty());
    EXPECT_TRUE(report.Ok());
  }
};

TEST_F(UeFleet, OnePhoneRegisters) {
  const FleetReport report = Run("register");
  ExpectClean(report);
  EXPECT_EQ(report.registered, 1u);
  EXPECT_EQ(report.finished, 1u);
  EXPECT_THAT(report.algorithms, ElementsAre(Pair("hmac-sha-1-96=aes-cbc", 1)));
  EXPECT_EQ(core_->registrar().counters().registrations, 1u);
  EXPECT_EQ(edge_.registers_seen, 2);
}

TEST_F(UeFleet, OnePhoneDoesEveryStep) {
  const FleetReport report = Run(
      "register,message,options,invite,mt-message,mt-options,mt-invite,reregister,reauth,message,"
      "mt-invite,reauth,mt-message,hold,deregister");
  ExpectClean(report);
  EXPECT_EQ(core_->registrar().counters().registrations, 3u);
  EXPECT_EQ(core_->registrar().counters().deregistrations, 1u);
  EXPECT_EQ(core_->mo().answered, 1u);
  EXPECT_EQ(core_->mt().answered, 5u);
  EXPECT_THAT(report.answered,
              ElementsAre(Pair("INVITE", 2), Pair("MESSAGE", 2), Pair("OPTIONS", 1)));
}

TEST_F(UeFleet, ManyPhonesShareAnAddress) {
  options_.subscribers.count = 30;
  options_.phones_per_address = 10;
  const FleetReport report = Run("register,reauth,message,deregister");
  ExpectClean(report);
  EXPECT_EQ(report.finished, 30u);
  EXPECT_EQ(Fleet::Addresses(options_).size(), 3u);
}

TEST_F(UeFleet, KeepsToItsRate) {
  options_.subscribers.count = 11;
  options_.rate = 2;
  const uint64_t start_us = now_us_;
  ExpectClean(Run("register"));
  EXPECT_EQ(now_us_ / 1'000'000, (start_us + 5'000'000) / 1'000'000);
}

TEST_F(UeFleet, KeepsToItsNumberInFlight) {
  options_.subscribers.count = 20;
  options_.in_flight = 3;
  edge_.faults.drop_responses = 3;  // The first three wait for a retransmission...
  std::vector<int> registers;
  after_turn_ = [&] { registers.push_back(edge_.registers_seen); };
  ExpectClean(Run("register"));
  EXPECT_EQ(registers.at(0), 3);  // ...and nobody else may begin meanwhile.
}

TEST_F(UeFleet, HoldingPhonesMakeRoom) {
  options_.subscribers.count = 20;
  options_.in_flight = 1;
  options_.hold_ms = 10'000;
  const uint64_t start_us = now_us_;
  ExpectClean(Run("register,hold,deregister"));
  EXPECT_LT(now_us_ - start_us, 11'000'000u);
}

TEST_F(UeFleet, HoldsEndWhenTold) {
  options_.subscribers.count = 3;
  options_.hold_ms = 100'000;
  Run("register,hold,hold,deregister", 50);
  EXPECT_FALSE(fleet_->done());
  EXPECT_EQ(core_->registrar().counters().deregistrations, 0u);
  fleet_->EndHolds();
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_TRUE(fleet_->done());
  EXPECT_EQ(core_->registrar().counters().deregistrations, 3u);
}

TEST_F(UeFleet, SurvivesLostResponses) {
  edge_.faults.drop_responses = 2;
  const uint64_t start_us = now_us_;
  ExpectClean(Run("register"));
  EXPECT_EQ(now_us_ - start_us, 1'500'000u);  // Sent again after 0.5 s and 1 s more.
  EXPECT_EQ(core_->registrar().counters().challenges, 1u);
}

TEST_F(UeFleet, WithoutRetransmissionALostResponseIsATimeout) {
  edge_.faults.drop_responses = 1;
  options_.phone.retransmit = false;
  options_.phone.timeout_ms = 2000;
  const FleetReport report = Run("register");
  EXPECT_THAT(report.failures, ElementsAre(Pair("register: timeout", 1)));
  EXPECT_FALSE(report.Ok());
  EXPECT_EQ(edge_.registers_seen, 1);
}

TEST_F(UeFleet, WithoutAnAgreementAllGoesUnprotected) {
  options_.phone.sec_agree = false;
  core_options_.registrar.accept_unprotected = true;
  const FleetReport report = Run("register,message,reregister,deregister");
  ExpectClean(report);
  for (const std::string& client : edge_.clients_seen) EXPECT_EQ(client, "");
  for (const std::string& text : sent_by_phones_) EXPECT_THAT(text, Not(HasSubstr("sec-agree")));
}

TEST_F(UeFleet, RunsOnIpv6Addresses) {
  options_.phone.pcscf = At("[2001:db8:10::10]:5060");
  options_.first_address = At("[2001:db8:45::fffe]:0");
  options_.subscribers.count = 3;
  EXPECT_EQ(Fleet::Check(options_), "");
  const auto addresses = Fleet::Addresses(options_);
  EXPECT_EQ(AddressText(addresses.at(1)), "[2001:db8:45::ffff]");
  EXPECT_EQ(AddressText(addresses.at(2)), "[2001:db8:45::1:0]");
}

TEST_F(UeFleet, ChecksItsOptions) {
  const FleetOptions good = options_;
  options_.first_address = At("[2001:db8::1]:0");
  EXPECT_THAT(Fleet::Check(options_), HasSubstr("one IP version"));
  options_ = good;
  options_.port_s = options_.port_c;
  EXPECT_THAT(Fleet::Check(options_), HasSubstr("37001 would be used twice"));
  options_ = good;
  options_.phones_per_address = 8000;
  EXPECT_THAT(Fleet::Check(options_), HasSubstr("would be needed"));
  options_ = good;
  options_.scenario.clear();
  EXPECT_THAT(Fleet::Check(options_), HasSubstr("at least one"));
  options_ = good;
  options_.subscribers.realm = "";
  EXPECT_THAT(Fleet::Check(options_), HasSubstr("realm"));
}

TEST_F(UeFleet, NamesItsPorts) {
  options_.phones_per_address = 2;
  EXPECT_THAT(Fleet::Ports(options_), ElementsAre(5060, 37001, 37002, 37003, 37005, 37006, 37007));
  options_.phone.sec_agree = false;
  EXPECT_THAT(Fleet::Ports(options_), ElementsAre(5060));
}

TEST_F(UeFleet, TellsTheSetsInUse) {
  Run("register");
  const std::string details = fleet_->Details();
  EXPECT_THAT(details, HasSubstr("phone=0 imsi=001010000000001 address=198.51.100.77 "
                                 "port_uc=37001 port_us=37002 spi_uc=1000000000 "));
  EXPECT_THAT(details, HasSubstr("port_ps=6101 spi_pc=70002 spi_ps=70003 "
                                 "algorithms=hmac-sha-1-96=aes-cbc\n"));
}

TEST_F(UeFleet, ReportsRequestsForNobody) {
  Run("register");
  const Owned request(
      "OPTIONS sip:001010000000099@198.51.100.77:37002 SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 192.0.2.10:6101;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
      "To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n");
  Outbox out;
  fleet_->OnDatagram(At("198.51.100.77:37002"), At("192.0.2.10:6102"), request.view(), now_us_,
                     &out);
  EXPECT_TRUE(out.empty());
  EXPECT_THAT(fleet_->violations()->TakeNew(), ElementsAre("OPTIONS: for nobody here"));
}

// SAs in place only when the provider says so.
class ManualEsp : public EspProvider {
 public:
  void Install(const PhoneIdentity& identity, const UeAgreement& agreement) override {
    asked.push_back(identity.index);
    sets.push_back(agreement);
  }
  void Remove(const PhoneIdentity&, const UeAgreement& agreement) override {
    removed.push_back(agreement.spi_uc);
  }
  std::vector<uint32_t> asked;
  std::vector<UeAgreement> sets;
  std::vector<uint32_t> removed;
};

TEST_F(UeFleet, SaysNothingBeforeTheKernelHasTheSas) {
  ManualEsp esp;
  esp_ = &esp;
  Run("register", 0);
  Turn();
  Turn();
  ASSERT_THAT(esp.asked, ElementsAre(0));
  EXPECT_EQ(edge_.registers_seen, 1);
  EXPECT_EQ(esp.sets[0].spi_ps, 70003u);
  EXPECT_EQ(esp.sets[0].port_pc, 6103);
  fleet_->OnSasReady(0, true, now_us_, &to_edge_);
  Turn();
  EXPECT_TRUE(fleet_->done());
  EXPECT_EQ(fleet_->Report(now_us_).sas_installed, 4u);
}

TEST_F(UeFleet, FailsWhenTheKernelRefuses) {
  ManualEsp esp;
  esp_ = &esp;
  Run("register", 0);
  Turn();
  Turn();
  fleet_->OnSasReady(0, false, now_us_, &to_edge_);
  Turn();
  EXPECT_THAT(fleet_->Report(now_us_).failures, ElementsAre(Pair("register: sas-refused", 1)));
  EXPECT_EQ(edge_.registers_seen, 1);
  EXPECT_THAT(esp.removed, ElementsAre(1'000'000'000u));
}

TEST_F(UeFleet, RemovesTheSasOfOldSets) {
  ManualEsp esp;
  esp_ = &esp;
  size_t ready = 0;
  after_turn_ = [&] {
    while (ready < esp.asked.size())
      fleet_->OnSasReady(esp.asked[ready++], true, now_us_, &to_edge_);
  };
  const FleetReport report = Run("register,reauth,reauth,deregister");
  ExpectClean(report);
  ASSERT_EQ(esp.sets.size(), 3u);
  // The first when the third came into use, the others with the registration.
  EXPECT_THAT(esp.removed, ElementsAre(esp.sets[0].spi_uc, esp.sets[2].spi_uc, esp.sets[1].spi_uc));
  EXPECT_NE(esp.sets[0].port_uc, esp.sets[1].port_uc);
  EXPECT_EQ(esp.sets[0].port_us, esp.sets[1].port_us);
}

}  // namespace
}  // namespace tools
