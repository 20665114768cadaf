// RFC 3263 4, step by step: what is asked, and what becomes of the answers.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "edge/location.h"
#include "edge/next_hop_limits.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// DNS as a table: "NAME TYPE" -> answer.
class EdgeLocation : public testing::Test {
 protected:
  void Naptr(const std::string& name, std::vector<NaptrRecord> records, uint32_t ttl_s = 60) {
    dns_[name + " NAPTR"] = {DnsStatus::kOk, ttl_s, std::move(records), {}, {}};
  }
  void Srv(const std::string& name, std::vector<SrvRecord> records, uint32_t ttl_s = 60) {
    dns_[name + " SRV"] = {DnsStatus::kOk, ttl_s, {}, std::move(records), {}};
  }
  void Host(const std::string& name, const std::vector<std::string>& addresses,
            uint32_t ttl_s = 60) {
    DnsAnswer answer{DnsStatus::kOk, ttl_s, {}, {}, {}};
    for (const std::string& address : addresses) answer.addresses.push_back(At(address));
    dns_[name + (addresses[0].find('[') == 0 ? " AAAA" : " A")] = answer;
  }
  void Status(const std::string& question, DnsStatus status) { dns_[question].status = status; }

  static std::string TypeName(DnsType type) {
    switch (type) {
      case DnsType::kA:
        return "A";
      case DnsType::kAaaa:
        return "AAAA";
      case DnsType::kSrv:
        return "SRV";
      case DnsType::kNaptr:
        return "NAPTR";
    }
    return "?";
  }

  // The targets as "GROUP/WEIGHT TRANSPORT ENDPOINT"; what was asked is in asked_.
  std::vector<std::string> Locate(const NameQuery& query, sa_family_t family = AF_INET,
                                  Transport preferred = Transport::kUdp, bool backwards = false) {
    asked_.clear();
    Location location(query, family, preferred);
    while (!location.done()) {
      std::vector<DnsQuestion> questions = location.TakeQuestions();
      if (backwards) std::reverse(questions.begin(), questions.end());
      for (const DnsQuestion& question : questions) {
        const std::string key = question.name + " " + TypeName(question.type);
        asked_.push_back(key);
        const auto found = dns_.find(key);
        location.OnAnswer(question.tag, found != dns_.end() ? found->second : DnsAnswer());
      }
    }
    ttl_s_ = location.ttl_s();
    is_silent_ = location.is_silent();
    std::vector<std::string> targets;
    for (const Target& target : location.targets()) {
      targets.push_back(std::to_string(target.group) + "/" + std::to_string(target.weight) + " " +
                        std::string(Name(target.transport)) + " " + TextOf(target.endpoint));
    }
    return targets;
  }

  std::map<std::string, DnsAnswer> dns_;
  std::vector<std::string> asked_;
  uint32_t ttl_s_ = 0;
  bool is_silent_ = false;
};

TEST_F(EdgeLocation, NaptrSaysTheTransportSrvTheHostAnAddressRecordTheAddress) {
  Naptr("ims.example", {{20, 10, "s", "SIP+D2U", "_sip._udp.ims.example"},
                        {10, 10, "s", "SIP+D2T", "_sip._tcp.ims.example"}});
  Srv("_sip._tcp.ims.example", {{1, 5, 5070, "icscf.ims.example"}}, 30);
  Host("icscf.ims.example", {"10.0.0.1:0"}, 20);
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("1/5 TCP 10.0.0.1:5070"));
  EXPECT_THAT(asked_,
              ElementsAre("ims.example NAPTR", "_sip._tcp.ims.example SRV", "icscf.ims.example A"));
  EXPECT_EQ(ttl_s_, 20u) << "the least of all";
  EXPECT_FALSE(is_silent_);
}

TEST_F(EdgeLocation, PreferenceDecidesWithinAnOrderAndServicesWeLackAreLeftOut) {
  Naptr("ims.example", {{1, 1, "s", "SIPS+D2T", "_sips._tcp.ims.example"},
                        {1, 2, "a", "SIP+D2U", "host.ims.example"},
                        {2, 7, "s", "SIP+D2T", "tcp.ims.example"},
                        {2, 5, "S", "sip+d2u", "udp.ims.example"}});
  Srv("udp.ims.example", {{0, 0, 5060, "a.example"}});
  Srv("tcp.ims.example", {{0, 0, 5060, "b.example"}});
  Host("a.example", {"10.0.0.1:0"});
  Host("b.example", {"10.0.0.2:0"});
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 UDP 10.0.0.1:5060"));
  // The next one serves when there are no records for the best, or no addresses.
  dns_.erase("udp.ims.example SRV");
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 TCP 10.0.0.2:5060"));
  Srv("udp.ims.example", {{0, 0, 5060, "nowhere.example"}});
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 TCP 10.0.0.2:5060"));
}

TEST_F(EdgeLocation, WithoutNaptrTheSrvNamesOfOurTransportsAreTriedThePreferredFirst) {
  Srv("_sip._udp.ims.example", {{0, 0, 5060, "a.example"}});
  Host("a.example", {"10.0.0.1:0"});
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 UDP 10.0.0.1:5060"));
  EXPECT_EQ(asked_[1], "_sip._udp.ims.example SRV");
  EXPECT_THAT(Locate({"ims.example", 0, {}}, AF_INET, Transport::kTcp),
              ElementsAre("0/0 UDP 10.0.0.1:5060"));
  EXPECT_THAT(asked_, ElementsAre("ims.example NAPTR", "_sip._tcp.ims.example SRV",
                                  "_sip._udp.ims.example SRV", "a.example A"));
}

TEST_F(EdgeLocation, WithoutSrvTheNameItselfIsTheHostAtPort5060) {
  Host("ims.example", {"10.0.0.1:0"});
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 UDP 10.0.0.1:5060"));
  EXPECT_EQ(asked_.size(), 4u);
}

TEST_F(EdgeLocation, ATransportInTheUriLeavesOutNaptr) {
  Srv("_sip._tcp.ims.example", {{0, 0, 5062, "a.example"}});
  Host("a.example", {"10.0.0.1:0"});
  EXPECT_THAT(Locate({"ims.example", 0, Transport::kTcp}), ElementsAre("0/0 TCP 10.0.0.1:5062"));
  EXPECT_THAT(asked_, ElementsAre("_sip._tcp.ims.example SRV", "a.example A"));
  Host("b.example", {"10.0.0.2:0"});
  EXPECT_THAT(Locate({"b.example", 0, Transport::kTcp}), ElementsAre("0/0 TCP 10.0.0.2:5060"));
  EXPECT_THAT(asked_, ElementsAre("_sip._tcp.b.example SRV", "b.example A"));
}

TEST_F(EdgeLocation, APortInTheUriLeavesOutSrvToo) {
  Host("a.example", {"10.0.0.1:0"});
  EXPECT_THAT(Locate({"a.example", 5099, Transport::kUdp}), ElementsAre("0/0 UDP 10.0.0.1:5099"));
  EXPECT_THAT(asked_, ElementsAre("a.example A"));
}

TEST_F(EdgeLocation, TargetsAreInTheOrderOfPriorityAndAddressWhicheverAnswerCameFirst) {
  Srv("_sip._udp.ims.example", {{20, 1, 5060, "late.example"},
                                {10, 60, 5060, "big.example"},
                                {10, 20, 5061, "small.example"}});
  Host("late.example", {"10.0.0.1:0"});
  Host("big.example", {"10.0.0.9:0", "10.0.0.3:0"});
  Host("small.example", {"10.0.0.4:0"});
  const auto expected = ElementsAre("10/60 UDP 10.0.0.3:5060", "10/20 UDP 10.0.0.4:5061",
                                    "10/60 UDP 10.0.0.9:5060", "20/1 UDP 10.0.0.1:5060");
  EXPECT_THAT(Locate({"ims.example", 0, {}}), expected);
  EXPECT_THAT(Locate({"ims.example", 0, {}}, AF_INET, Transport::kUdp, true), expected);
}

TEST_F(EdgeLocation, OnlyAddressesOfTheFamilyOfThePortTowardsTheCoreAreAskedFor) {
  Host("ims.example", {"10.0.0.1:0"});
  Host("ims.example", {"[2001:db8::1]:0"});
  EXPECT_THAT(Locate({"ims.example", 0, {}}, AF_INET6), ElementsAre("0/0 UDP [2001:db8::1]:5060"));
  EXPECT_EQ(asked_.back(), "ims.example AAAA");
}

TEST_F(EdgeLocation, AServiceThatIsNotThereIsNone) {
  Srv("_sip._udp.ims.example", {{0, 0, 0, "."}});
  Srv("_sip._tcp.ims.example", {{0, 0, 5060, "a.example"}});
  Host("a.example", {"10.0.0.1:0"});
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 TCP 10.0.0.1:5060"));
}

TEST_F(EdgeLocation, ANameThatIsNowhereHasNoTargets) {
  EXPECT_THAT(Locate({"ims.example", 0, {}}), IsEmpty());
  EXPECT_FALSE(is_silent_);
}

TEST_F(EdgeLocation, ASilentServerEndsItAtOnce) {
  Status("ims.example NAPTR", DnsStatus::kSilent);
  EXPECT_THAT(Locate({"ims.example", 0, {}}), IsEmpty());
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_TRUE(is_silent_);
}

TEST_F(EdgeLocation, AServerThatRefusesOneQuestionIsAskedTheNext) {
  Status("ims.example NAPTR", DnsStatus::kRefused);
  Host("ims.example", {"10.0.0.1:0"});
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 UDP 10.0.0.1:5060"));
  EXPECT_TRUE(is_silent_);
}

TEST_F(EdgeLocation, OneHostWithoutAnAnswerDoesNotSpoilTheOthers) {
  Srv("_sip._udp.ims.example", {{0, 0, 5060, "a.example"}, {0, 0, 5060, "b.example"}});
  Status("a.example A", DnsStatus::kSilent);
  Host("b.example", {"10.0.0.2:0"});
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("0/0 UDP 10.0.0.2:5060"));
}

TEST_F(EdgeLocation, WhatIsMoreThanTheLimitsIsLeftOut) {
  std::vector<NaptrRecord> services;
  for (uint16_t i = 0; i < kServicesMax + 2; ++i) {
    services.push_back({i, 0, "s", "SIP+D2U", "s" + std::to_string(i) + ".example"});
  }
  Naptr("ims.example", services);
  Locate({"ims.example", 0, {}});
  EXPECT_EQ(asked_.size(), 1 + kServicesMax + 1) << "and then the name itself";
  EXPECT_EQ(asked_[1], "s0.example SRV");

  std::vector<SrvRecord> hosts;
  for (uint16_t i = 0; i < kSrvHostsMax + 2; ++i) {
    const std::string host = "h" + std::to_string(i) + ".example";
    hosts.push_back({static_cast<uint16_t>(100 - i), 0, 5060, host});
    std::vector<std::string> addresses;
    for (size_t j = 0; j < kAddressesMax + 2; ++j) {
      addresses.push_back("10.0." + std::to_string(i) + "." + std::to_string(j + 1) + ":0");
    }
    Host(host, addresses);
  }
  Srv("s0.example", hosts);
  const std::vector<std::string> targets = Locate({"ims.example", 0, {}});
  EXPECT_EQ(targets.size(), kSrvHostsMax * kAddressesMax);
  EXPECT_EQ(targets[0].substr(0, 3), "91/") << "those of the best priority are kept";
}

}  // namespace
}  // namespace edge
