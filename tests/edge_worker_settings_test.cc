#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/worker_settings.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

using testing::ElementsAre;

std::vector<std::string> Texts(const std::vector<reactor::Endpoint>& endpoints) {
  std::vector<std::string> texts;
  for (const reactor::Endpoint& endpoint : endpoints) texts.push_back(TextOf(endpoint));
  return texts;
}

Settings Sample(uint32_t workers) {
  Settings settings;
  settings.process.workers = workers;
  settings.gm.listen = {At("192.0.2.10:5060")};
  for (const char* text : {"192.0.2.10:6100", "192.0.2.10:6101", "[2001:db8::10]:6100",
                           "192.0.2.10:6102", "[2001:db8::10]:6101", "192.0.2.10:6103",
                           "[2001:db8::10]:6102", "[2001:db8::10]:6103", "192.0.2.10:6104"}) {
    settings.ipsec.sockets.push_back(At(text));
  }
  settings.core.listen = At("198.51.100.10:5060");
  settings.core.listens = {At("198.51.100.10:5060"), At("198.51.100.10:5061")};
  settings.core.host = "198.51.100.10";
  settings.limits.registrations_max = 1001;
  settings.limits.half_open_max = 100;
  settings.limits.connections_max = 17;
  return settings;
}

TEST(EdgeWorkerSettings, ASingleWorkerHasAll) {
  const Settings own = SettingsOf(Sample(1), 0);
  EXPECT_EQ(own.ipsec.sockets.size(), 9u);
  EXPECT_EQ(own.limits.registrations_max, 1001u);
  EXPECT_EQ(TextOf(own.core.listen), "198.51.100.10:5060");
}

TEST(EdgeWorkerSettings, OfEachAddressEachHasPortsThatStandTogetherAndNobodyElseHasThem) {
  const Settings all = Sample(2);
  EXPECT_THAT(Texts(SettingsOf(all, 0).ipsec.sockets),
              ElementsAre("192.0.2.10:6100", "192.0.2.10:6101", "[2001:db8::10]:6100",
                          "192.0.2.10:6102", "[2001:db8::10]:6101"));
  EXPECT_THAT(Texts(SettingsOf(all, 1).ipsec.sockets),
              ElementsAre("192.0.2.10:6103", "[2001:db8::10]:6102", "[2001:db8::10]:6103",
                          "192.0.2.10:6104"));
}

TEST(EdgeWorkerSettings, HoweverManyPortsThereAreEachIsOneWorkersAndAllHaveTheirPair) {
  for (uint32_t workers = 2; workers <= 8; ++workers) {
    for (uint32_t ports = 2 * workers; ports <= 4 * workers; ++ports) {
      Settings all = Sample(workers);
      all.core.listens.assign(workers, all.core.listen);
      all.ipsec.sockets.clear();
      for (uint32_t i = 0; i < ports; ++i) {
        all.ipsec.sockets.push_back(At("192.0.2.10:" + std::to_string(6100 + i)));
      }
      std::vector<std::string> given;
      for (uint32_t i = 0; i < workers; ++i) {
        const std::vector<std::string> own = Texts(SettingsOf(all, i).ipsec.sockets);
        EXPECT_GE(own.size(), kPortsPerWorkerMin) << workers << " " << ports;
        EXPECT_LE(own.size(), ports / workers + 1) << workers << " " << ports;
        given.insert(given.end(), own.begin(), own.end());
      }
      EXPECT_EQ(given, Texts(all.ipsec.sockets)) << workers;
    }
  }
}

TEST(EdgeWorkerSettings, TheUnprotectedPortsAreEverybodys) {
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(Texts(SettingsOf(Sample(2), i).gm.listen), ElementsAre("192.0.2.10:5060"));
  }
}

TEST(EdgeWorkerSettings, TheCoreSideIsEachOnesOwnAndSoIsANameThatIsItsAddress) {
  Settings all = Sample(2);
  EXPECT_EQ(TextOf(SettingsOf(all, 0).core.listen), "198.51.100.10:5060");
  EXPECT_EQ(TextOf(SettingsOf(all, 1).core.listen), "198.51.100.10:5061");
  all.core.listens[1] = At("[2001:db8::20]:5060");
  EXPECT_EQ(SettingsOf(all, 0).core.host, "198.51.100.10");
  EXPECT_EQ(SettingsOf(all, 1).core.host, "[2001:db8::20]");
  all.core.host = "pcscf.example.org";
  EXPECT_EQ(SettingsOf(all, 1).core.host, "pcscf.example.org");
}

TEST(EdgeWorkerSettings, WhatIsLimitedInAllIsDividedAndWhatIsOfOneSourceIsNot) {
  const Settings all = Sample(2);
  for (size_t i = 0; i < 2; ++i) {
    const Settings::Limits limits = SettingsOf(all, i).limits;
    EXPECT_EQ(limits.registrations_max, 501u);
    EXPECT_EQ(limits.half_open_max, 50u);
    EXPECT_EQ(limits.connections_max, 9u);
    EXPECT_EQ(limits.half_open_per_source_max, all.limits.half_open_per_source_max);
    EXPECT_EQ(limits.connections_per_source_max, all.limits.connections_per_source_max);
  }
}

}  // namespace
}  // namespace edge
