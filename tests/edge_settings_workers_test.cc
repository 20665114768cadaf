// process.workers, process.pin_cpus, and what core.listen and ipsec.socket have to do with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "edge/cpus.h"
#include "edge/settings.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

using testing::ElementsAre;

struct File {
  std::string process;
  std::string ipsec;
  std::string gm;  // More of it.
  std::string core = "listen = \"198.51.100.10:5070\"\nnext_hop = \"198.51.100.20\"";
  int ports = 4;

  SettingsResult Parse() const {
    std::string sockets;
    for (int i = 0; i < ports; ++i) {
      sockets += "\"ipsec:192.0.2.10:" + std::to_string(6100 + i) + "\",";
    }
    return ParseSettings("[process]\n" + process + "\n[ipsec]\nsocket = [" + sockets + "]\n" +
                         ipsec + "\n[gm]\nlisten = \"192.0.2.10\"" + gm + "\n[core]\n" + core +
                         "\n");
  }
  std::string Report() const { return Parse().Report("f"); }
  uint32_t Workers() const { return Parse().settings.process.workers; }
  std::vector<std::string> Listens() const {
    std::vector<std::string> texts;
    for (const reactor::Endpoint& listen : Parse().settings.core.listens) {
      texts.push_back(TextOf(listen));
    }
    return texts;
  }
};

uint32_t AtMostCpus(size_t count) {
  return static_cast<uint32_t>(std::min(count, AllowedCpus().size()));
}

TEST(SettingsWorkers, AreByDefaultAsManyAsThereArePairsOfPortsAndCpus) {
  for (int ports = 2; ports <= 9; ++ports) {
    File file;
    file.ports = ports;
    EXPECT_EQ(file.Report(), "") << ports;
    EXPECT_EQ(file.Workers(), AtMostCpus(static_cast<size_t>(ports / 2))) << ports;
  }
}

TEST(SettingsWorkers, TheDefaultLooksAtTheAddressWithTheFewestPorts) {
  File file;
  file.ipsec = "";
  const SettingsResult result = ParseSettings(
      "[ipsec]\nsocket = [\"ipsec:192.0.2.10:1\", \"ipsec:192.0.2.10:2\", \"ipsec:192.0.2.10:3\", "
      "\"ipsec:192.0.2.10:4\", \"ipsec:[2001:db8::1]:1\", \"ipsec:[2001:db8::1]:2\", "
      "\"ipsec:[2001:db8::1]:3\"]\n[gm]\nlisten = \"192.0.2.10\"\n[core]\n" +
      file.core + "\n");
  EXPECT_EQ(result.Report("f"), "");
  EXPECT_EQ(result.settings.process.workers, 1u);
}

TEST(SettingsWorkers, ByDefaultThereIsOneWhereADefaultPortIsPreferred) {
  File file;
  file.ipsec = "default_server_port = 6101";
  EXPECT_EQ(file.Report(), "");
  EXPECT_EQ(file.Workers(), 1u);
}

TEST(SettingsWorkers, MoreThanThePortsAreEnoughForIsToldWithHowManyToAdd) {
  File file;
  file.process = "workers = 2";
  EXPECT_EQ(file.Report(), "");
  EXPECT_EQ(file.Workers(), 2u);
  file.process = "workers = 3";
  EXPECT_EQ(file.Report(),
            "f:2: error: process.workers = 3: each needs a client and a server port of its own on "
            "each address of ipsec.socket; 192.0.2.10 has 4: add 2\n");
  file.ports = 5;
  EXPECT_EQ(file.Report(),
            "f:2: error: process.workers = 3: each needs a client and a server port of its own on "
            "each address of ipsec.socket; 192.0.2.10 has 5: add 1\n");
  file.ports = 6;
  EXPECT_EQ(file.Report(), "");
}

TEST(SettingsWorkers, AreALimitedNumber) {
  for (const char* value : {"0", "33", "\"two\""}) {
    File file;
    file.process = std::string("workers = ") + value;
    const std::string kind = value[0] == '"' ? "this is a string; " : "";
    EXPECT_EQ(file.Report(), std::string("f:2: error: process.workers = ") + value + ": " + kind +
                                 "allowed are 1..32 (threads)\n");
  }
}

TEST(SettingsWorkers, AtTheTopLevelTheHintNamesTheTable) {
  EXPECT_NE(ParseSettings("workers = 2\n")
                .Report("f")
                .find("f:1: error: unknown key \"workers\" outside of all tables: it belongs into "
                      "[process]\n"),
            std::string::npos);
}

TEST(SettingsWorkers, ADefaultPortIsThatOfOneWorker) {
  File file;
  file.process = "workers = 2";
  file.ipsec = "default_server_port = 6101\ndefault_client_port = 6102";
  EXPECT_EQ(file.Report(),
            "f:5: warning: ipsec.default_server_port = 6101: one of 2 workers has it, the others "
            "take any port\n"
            "f:6: warning: ipsec.default_client_port = 6102: one of 2 workers has it, the others "
            "take any port\n");
  EXPECT_TRUE(file.Parse().ok());
}

TEST(SettingsWorkers, PhonesInClearAreForOneWorker) {
  for (const char* word : {"prefer", "off"}) {
    File file;
    file.gm = std::string("\nsec_agree = \"") + word + "\"";
    EXPECT_EQ(file.Report(), "");
    EXPECT_EQ(file.Workers(), 1u);
    file.process = "workers = 2";
    EXPECT_EQ(file.Report(),
              "f:2: error: process.workers = 2: only with sec_agree = \"require\": a phone in "
              "clear is known to one worker and may come to any\n");
  }
}

TEST(SettingsWorkers, OneAddressTowardsTheCoreIsTheFirstOfPortsInARow) {
  File file;
  file.ports = 6;
  file.process = "workers = 3";
  EXPECT_THAT(file.Listens(),
              ElementsAre("198.51.100.10:5070", "198.51.100.10:5071", "198.51.100.10:5072"));
  file.core = "listen = [\"198.51.100.10:65533\"]\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(file.Report(), "");
  file.core = "listen = \"198.51.100.10:65534\"\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(
      file.Report(),
      "f:9: error: core.listen = 198.51.100.10:65534: 3 workers take ports from there on, and "
      "there are none above 65535\n");
}

TEST(SettingsWorkers, SeveralAddressesTowardsTheCoreAreOneForEach) {
  File file;
  file.process = "workers = 2";
  file.core = "listen = [\"198.51.100.10\",\n\"198.51.100.11:5080\"]\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(file.Report(), "");
  EXPECT_THAT(file.Listens(), ElementsAre("198.51.100.10:5060", "198.51.100.11:5080"));
  file.process = "workers = 1";
  EXPECT_EQ(file.Report(),
            "f:9: error: core.listen: 2 addresses for 1 workers: name one for each, or one alone, "
            "whose ports go on from there\n");
  file.process = "";
  file.ports = 6;
  EXPECT_LE(file.Workers(), 2u) << "no more than they are enough for";
}

TEST(SettingsWorkers, OneNameIsForOneAddress) {
  File file;
  file.process = "workers = 2";
  file.core =
      "listen = [\"198.51.100.10\", \"198.51.100.11\"]\nnext_hop = \"198.51.100.20\"\n"
      "host = \"pcscf.example.org\"";
  EXPECT_EQ(
      file.Report(),
      "f:11: error: core.host: one name for several addresses of core.listen: a worker is told "
      "by its port where it has a name\n");
  file.core =
      "listen = [\"198.51.100.10\", \"198.51.100.10:5061\"]\nnext_hop = \"198.51.100.20\"\n"
      "host = \"pcscf.example.org\"";
  EXPECT_EQ(file.Report(), "");
}

TEST(SettingsWorkers, EveryOneOfThemMustReachTheCoreAndBeFree) {
  File file;
  file.process = "workers = 2";
  file.core = "listen = [\"198.51.100.10\", \"[2001:db8::1]:5061\"]\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(
      file.Report(),
      "f:10: error: core.next_hop = 198.51.100.20:5060: it cannot be reached from core.listen "
      "= [2001:db8::1]:5061; both are IPv4 or both IPv6\n");
  file.core = "listen = \"192.0.2.10:5059\"\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(
      file.Report(),
      "f:7: error: gm.listen: 192.0.2.10:5060 is taken by core.listen of worker 1 in line 9\n");
  file.core = "listen = \"192.0.2.10:5070\"\nnext_hop = \"192.0.2.10:5071\"";
  EXPECT_EQ(
      file.Report(),
      "f:10: error: core.next_hop = 192.0.2.10:5071: this is our own core.listen of worker 1\n");
}

TEST(SettingsWorkers, NoAddressTowardsTheCoreIsNotEnough) {
  File file;
  file.core = "listen = []\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(file.Report(),
            "f:9: error: core.listen is not set: our address towards the core: \"IP:port\"\n");
}

TEST(SettingsCpus, AreOneForEachWorker) {
  File file;
  file.process = "workers = 2\npin_cpus = [3, 0]";
  EXPECT_EQ(file.Report(), "");
  EXPECT_THAT(file.Parse().settings.process.pin_cpus, ElementsAre(3, 0));
  file.process = "workers = 2\npin_cpus = [3]";
  EXPECT_EQ(file.Report(),
            "f:3: error: process.pin_cpus: 1 CPUs for 2 workers: name one for each\n");
  file.process = "workers = 1\npin_cpus = [3, 0]";
  EXPECT_EQ(file.Report(),
            "f:3: error: process.pin_cpus: 2 CPUs for 1 workers: name one for each\n");
  file.process = "pin_cpus = [0]";
  EXPECT_EQ(file.Report(), "");
  EXPECT_EQ(file.Workers(), 1u) << "no more than there are CPUs named";
}

TEST(SettingsCpus, TrueTakesTheFirstOnes) {
  File file;
  file.process = "workers = 1\npin_cpus = true";
  EXPECT_EQ(file.Report(), "");
  EXPECT_THAT(file.Parse().settings.process.pin_cpus, ElementsAre(AllowedCpus()[0]));
  file.process = "workers = 1\npin_cpus = false";
  EXPECT_TRUE(file.Parse().settings.process.pin_cpus.empty());
  if (AllowedCpus().size() >= 32) GTEST_SKIP() << "there are CPUs enough for any number";
  const auto more = static_cast<int>(AllowedCpus().size()) + 1;
  file.ports = 2 * more;
  file.process = "workers = " + std::to_string(more) + "\npin_cpus = true";
  EXPECT_EQ(file.Report(), "f:3: error: process.pin_cpus = true: " + std::to_string(more) +
                               " workers, but we may run on " + std::to_string(more - 1) +
                               " CPUs only\n");
}

TEST(SettingsCpus, AnythingElseIsRefused) {
  const std::pair<const char*, const char*> values[] = {
      {"\"all\"", "\"all\""},     {"0", "0"},
      {"[]", "an array of 0"},    {"[0, 0]", "an array of 2"},
      {"[-1]", "an array of 1"},  {"[1024]", "an array of 1"},
      {"[true]", "an array of 1"}};
  for (const auto& [value, shown] : values) {
    File file;
    file.process = std::string("pin_cpus = ") + value;
    EXPECT_EQ(file.Report(), std::string("f:2: error: process.pin_cpus = ") + shown +
                                 ": allowed are true, false or an array of CPUs, each 0..1023 and "
                                 "once\n");
  }
  File file;
  file.process = "workers = 2\npin_cpus = [1023, 0]";
  EXPECT_EQ(file.Report(), "");
}

TEST(SettingsDrain, IsSecondsAndMayBeNone) {
  File file;
  EXPECT_EQ(file.Parse().settings.process.drain_s, 5u);
  for (const uint32_t seconds : {0u, 600u}) {
    file.process = "drain = " + std::to_string(seconds);
    EXPECT_EQ(file.Parse().settings.process.drain_s, seconds);
  }
  file.process = "drain = 601";
  EXPECT_EQ(file.Report(), "f:2: error: process.drain = 601: allowed are 0..600 (seconds)\n");
}

TEST(SettingsTakeover, ThePathIsASocketsPath) {
  File file;
  EXPECT_EQ(file.Parse().settings.process.takeover_socket, "");
  const std::string longest(107, 'x');
  file.process = "takeover_socket = \"" + longest + "\"";
  EXPECT_EQ(file.Parse().settings.process.takeover_socket, longest);
  file.process = "takeover_socket = \"" + longest + "x\"";
  EXPECT_EQ(file.Report(), "f:2: error: process.takeover_socket = \"" + longest +
                               "x\": a path of at most 107 bytes (unix(7))\n");
}

}  // namespace
}  // namespace edge
