// The rules that join several settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "edge/next_hop_limits.h"
#include "edge/settings.h"

namespace edge {
namespace {

using testing::HasSubstr;
using testing::Not;

// A file of three tables; each test changes one.
struct File {
  std::string ipsec = "socket = [\"ipsec:192.0.2.10:5100\", \"ipsec:192.0.2.10:6100\"]";
  std::string gm = "listen = \"192.0.2.10\"";
  std::string core = "listen = \"198.51.100.10\"\nnext_hop = \"198.51.100.20\"";

  SettingsResult Parse() const {
    return ParseSettings("[ipsec]\n" + ipsec + "\n[gm]\n" + gm + "\n[core]\n" + core + "\n");
  }
  std::string Report() const { return Parse().Report("f"); }
};

size_t LineCount(const std::string& report) {
  return static_cast<size_t>(std::count(report.begin(), report.end(), '\n'));
}

TEST(SettingsCheck, TheFileOfTheseTestsIsGood) {
  EXPECT_EQ(File().Report(), "");
}

TEST(SettingsCheck, KeysInTheAccessLogAreAskedForTwice) {
  File file;
  const std::string format = "\n[log]\naccess_format = \"$ipsec(ik) $ipsec_ue(ck)\"\n";
  file.core += format;
  EXPECT_EQ(file.Report(),
            "f:9: error: log.access_format: ik and ck are secrets: only with log.reveal_keys = "
            "true\n");
  file.core += "reveal_keys = true\n";
  EXPECT_EQ(file.Report(), "");
  EXPECT_TRUE(file.Parse().settings.log.access_format.reveals_keys());
}

TEST(SettingsCheck, CallsForHelpOfStrangersNeedAPlaceToGo) {
  File file;
  file.gm += "\nanonymous_emergency = true";
  EXPECT_EQ(file.Report(),
            "f:5: error: gm.anonymous_emergency = true: core.emergency_next_hop is missing, where "
            "such calls go\n");
  file.core += "\nemergency_next_hop = \"198.51.100.30\"";
  EXPECT_EQ(file.Report(), "");
  EXPECT_TRUE(file.Parse().settings.gm.anonymous_emergency);
}

TEST(SettingsCheck, AKeyFileNeedsAJournalThatIsAnotherFile) {
  File file;
  const std::string core = file.core;
  file.core = core + "\n[journal]\nkey_file = \"/j.key\"\n";
  EXPECT_EQ(file.Report(),
            "f:9: error: journal.key_file: without journal.file there is no journal\n");
  file.core = core + "\n[journal]\nkey_file = \"/j\"\nfile = \"/j\"\n";
  EXPECT_EQ(file.Report(), "f:9: error: journal.key_file: it is journal.file itself\n");
  file.core = core + "\n[journal]\nfile = \"/j\"\n";
  EXPECT_EQ(file.Report(), "");
}

TEST(SettingsCheck, AnUnknownFieldInTheAccessLogIsNamed) {
  File file;
  file.core += "\n[log]\naccess_format = \"$ipsec(spi)\"\n";
  EXPECT_EQ(file.Report(),
            "f:9: error: log.access_format = \"$ipsec(spi)\": $ipsec(spi): the fields are ik, ck, "
            "alg, ealg, ip, spi-c, spi-s, port-c, port-s\n");
}

TEST(SettingsCheck, AProtectedPortIsNotASipPort) {
  for (const char* port : {"5060", "5061"}) {
    File file;
    file.ipsec = std::string("socket = [\"ipsec:192.0.2.10:6100\",\n\"ipsec:192.0.2.10:") + port +
                 "\", \"ipsec:192.0.2.10:6101\"]";
    file.gm = "listen = \"192.0.2.10:5070\"";
    EXPECT_EQ(file.Report(), std::string("f:3: error: ipsec.socket \"ipsec:192.0.2.10:") + port +
                                 "\": 5060 and 5061 are no protected ports (TS 33.203 7.1)\n");
  }
}

TEST(SettingsCheck, ThePortOfEspInUdpIsTheKernelsWhereItIsInUse) {
  File file;
  file.gm = "listen = [\"192.0.2.10\", \"192.0.2.10:4500\"]";
  EXPECT_EQ(file.Report(), "");
  file.ipsec += "\nudp_enc_tun = true";
  EXPECT_EQ(
      file.Report(),
      "f:5: error: gm.listen: 192.0.2.10:4500 is taken by ipsec.udp_enc_tun in line 3: ESP in "
      "UDP comes there (RFC 3948)\n");
  file.gm = "listen = \"192.0.2.10\"";
  file.core = "listen = \"198.51.100.10:4500\"\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(file.Report(), "") << "no phone has ESP to do with that address";
  EXPECT_TRUE(file.Parse().settings.ipsec.udp_enc_tun);
  file.ipsec += "\nudp_enc_tun = 1";
  EXPECT_FALSE(file.Parse().ok());
}

TEST(SettingsCheck, TheDefaultProtectedPortIsNotASipPort) {
  File file;
  file.ipsec = "port = 5061\nsocket = [\"ipsec:192.0.2.10\", \"ipsec:192.0.2.10:6100\"]";
  EXPECT_EQ(
      file.Report(),
      "f:2: error: ipsec.port = 5061: 5060 and 5061 are no protected ports (TS 33.203 7.1)\n");
}

TEST(SettingsCheck, ASocketWithoutPortTakesTheDefault) {
  File file;
  file.ipsec = "socket = [\"ipsec:192.0.2.10\", \"ipsec:192.0.2.10:6100\"]";
  SettingsResult result = file.Parse();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.settings.ipsec.sockets[0].port(), 5062);
  file.ipsec += "\nport = 5100";
  result = file.Parse();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.settings.ipsec.sockets[0].port(), 5100);
}

TEST(SettingsCheck, NeedsTwoProtectedPorts) {
  File file;
  file.ipsec = "socket = \"ipsec:192.0.2.10:5100\"";
  EXPECT_EQ(file.Report(),
            "f:2: error: ipsec.socket: 192.0.2.10 has one protected port: a client and a server "
            "port are needed on each address\n");
  file.ipsec = "socket = []";
  EXPECT_THAT(file.Report(), HasSubstr("f:2: error: ipsec.socket is not set: at least two"));
}

TEST(SettingsCheck, CountsProtectedPortsPerAddress) {
  File file;
  file.ipsec =
      "socket = [\"ipsec:192.0.2.10:5100\", \"ipsec:192.0.2.10:6100\",\n"
      "\"ipsec:[2001:db8::1]:5100\"]";
  EXPECT_EQ(file.Report(),
            "f:3: error: ipsec.socket: 2001:db8::1 has one protected port: a client and a server "
            "port are needed on each address\n");
  file.ipsec.insert(file.ipsec.size() - 1, ", \"ipsec:[2001:db8::1]:6100\"");
  EXPECT_EQ(file.Report(), "");
  EXPECT_EQ(file.Parse().settings.ipsec.sockets.size(), 4u);
}

TEST(SettingsCheck, RefusesASocketNamedTwice) {
  File file;
  file.ipsec =
      "socket = [\"ipsec:192.0.2.10:5100\", \"ipsec:192.0.2.10:6100\",\n\"ipsec:192.0.2.10:5100\"]";
  EXPECT_EQ(file.Report(),
            "f:3: error: ipsec.socket: 192.0.2.10:5100 is taken by ipsec.socket in line 2\n");
}

TEST(SettingsCheck, TwoSocketsWithoutPortAreTheSame) {
  File file;
  file.ipsec = "socket = [\"ipsec:192.0.2.10\", \"ipsec:192.0.2.10\", \"ipsec:192.0.2.10:5063\"]";
  EXPECT_THAT(file.Report(), HasSubstr("192.0.2.10:5062 is taken by ipsec.socket in line 2"));
}

TEST(SettingsCheck, AProtectedSocketIsNeitherGmNorCore) {
  File file;
  file.gm = "listen = [\"192.0.2.10\", \"192.0.2.10:5100\"]";
  EXPECT_THAT(
      file.Report(),
      HasSubstr("f:2: error: ipsec.socket: 192.0.2.10:5100 is taken by gm.listen in line 4"));
  file = File();
  file.core = "listen = \"192.0.2.10:6100\"\nnext_hop = \"198.51.100.20\"";
  EXPECT_THAT(
      file.Report(),
      HasSubstr("f:2: error: ipsec.socket: 192.0.2.10:6100 is taken by core.listen in line 6"));
}

TEST(SettingsCheck, GmAndCoreDoNotShareASocket) {
  File file;
  file.core = "listen = \"192.0.2.10\"\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(file.Report(),
            "f:4: error: gm.listen: 192.0.2.10:5060 is taken by core.listen in line 6\n");
  file.core = "listen = \"192.0.2.10:5070\"\nnext_hop = \"198.51.100.20\"";
  EXPECT_EQ(file.Report(), "");
}

TEST(SettingsCheck, TheNextHopIsNotOurselves) {
  File file;
  file.core = "listen = \"198.51.100.10\"\nnext_hop = \"198.51.100.10\"";
  EXPECT_EQ(file.Report(),
            "f:7: error: core.next_hop = 198.51.100.10:5060: this is our own core.listen\n");
  file.core = "listen = \"198.51.100.10\"\nnext_hop = \"192.0.2.10:5100\"";
  EXPECT_THAT(file.Report(), HasSubstr("this is our own ipsec.socket"));
}

TEST(SettingsCheck, TheNextHopHasTheFamilyOfCoreListen) {
  File file;
  file.core = "listen = \"198.51.100.10\"\nnext_hop = \"[2001:db8::20]:5060\"";
  EXPECT_EQ(file.Report(),
            "f:7: error: core.next_hop = [2001:db8::20]:5060: it cannot be reached from "
            "core.listen = 198.51.100.10:5060; both are IPv4 or both IPv6\n");
  file.core = "listen = \"[2001:db8::10]\"\nnext_hop = \"2001:db8::20\"";
  EXPECT_EQ(file.Report(), "");
  file.core += "\nemergency_next_hop = \"198.51.100.30\"";
  EXPECT_EQ(file.Report(),
            "f:8: error: core.emergency_next_hop = 198.51.100.30:5060: it cannot be reached from "
            "core.listen = [2001:db8::10]:5060; both are IPv4 or both IPv6\n");
}

TEST(SettingsCheck, SeveralNextHopsAreKeptInOrderAndProbed) {
  File file;
  file.core = "listen = \"198.51.100.10\"\nnext_hop = [\"198.51.100.21:5070\", \"198.51.100.20\"]";
  const SettingsResult result = file.Parse();
  EXPECT_EQ(result.Report("f"), "");
  ASSERT_EQ(result.settings.core.next_hops.size(), 2u);
  EXPECT_EQ(result.settings.core.next_hops[0].port(), 5070);
  EXPECT_EQ(result.settings.core.next_hops[1].port(), 5060);
  EXPECT_EQ(result.settings.core.probe_interval_s, kProbeIntervalS);
  file.core += "\nprobe_interval = 0";
  EXPECT_EQ(file.Parse().settings.core.probe_interval_s, 0u);
  file = File();
  file.core += "\nprobe_interval = 3600";
  EXPECT_EQ(file.Parse().settings.core.probe_interval_s, 3600u);
  file.core += "1";
  EXPECT_EQ(file.Report(),
            "f:8: error: core.probe_interval = 36001: allowed are 0..3600 (seconds; 0: no "
            "probes)\n");
}

TEST(SettingsCheck, EveryNextHopIsReachableAndNoneIsThereTwice) {
  File file;
  file.core =
      "listen = \"198.51.100.10\"\nnext_hop = [\"198.51.100.20\",\n\"[2001:db8::20]\",\n"
      "\"198.51.100.20:5060\",\n\"192.0.2.10:5100\",\n\"pcscf.example\"]";
  EXPECT_EQ(
      file.Report(),
      "f:8: error: core.next_hop = [2001:db8::20]:5060: it cannot be reached from "
      "core.listen = 198.51.100.10:5060; both are IPv4 or both IPv6\n"
      "f:9: error: core.next_hop = 198.51.100.20:5060: it is there twice\n"
      "f:10: error: core.next_hop = 192.0.2.10:5100: this is our own ipsec.socket\n"
      "f:11: error: core.next_hop = \"pcscf.example\": allowed is \"IP\" or \"IP:port\", IPv6 as "
      "\"[v6]:port\"; names are not resolved\n");
}

TEST(SettingsCheck, ThereAreAtMostSixteenNextHops) {
  File file;
  file.core = "listen = \"198.51.100.10\"\nnext_hop = [\"198.51.100.20\"";
  for (size_t i = 1; i < kNextHopsMax; ++i) {
    file.core += ", \"198.51.101." + std::to_string(i) + "\"";
  }
  const std::string full = file.core;
  file.core = full + "]";
  EXPECT_EQ(file.Report(), "");
  file.core = full + ", \"198.51.102.1\"]";
  EXPECT_EQ(file.Report(), "f:7: error: core.next_hop: 17 addresses: at most 16\n");
}

TEST(SettingsCheck, WithoutANextHopDnsSaysWhere) {
  File file;
  file.core = "listen = \"198.51.100.10\"";
  EXPECT_EQ(file.Report(), "");
  EXPECT_TRUE(file.Parse().settings.core.next_hops.empty());
  EXPECT_TRUE(file.Parse().settings.core.resolvers.empty()) << "those of the system";
}

TEST(SettingsCheck, DnsServersHaveDnsPort) {
  File file;
  file.core += "\nresolver = [\"192.0.2.53\", \"[2001:db8::53]:5353\"]";
  const SettingsResult result = file.Parse();
  EXPECT_EQ(result.Report("f"), "");
  ASSERT_EQ(result.settings.core.resolvers.size(), 2u);
  EXPECT_EQ(result.settings.core.resolvers[0].port(), 53);
  EXPECT_EQ(result.settings.core.resolvers[1].port(), 5353);
  file = File();
  file.core += "\nresolver = \"dns.example\"";
  EXPECT_EQ(
      file.Report(),
      "f:8: error: core.resolver = \"dns.example\": allowed is \"IP\" or \"IP:port\", IPv6 as "
      "\"[v6]:port\"; names are not resolved\n");
}

TEST(SettingsCheck, ThereAreAtMostEightDnsServers) {
  File file;
  file.core += "\nresolver = [\"192.0.2.1\"";
  for (size_t i = 2; i <= kResolversMax; ++i) {
    file.core += ", \"192.0.2." + std::to_string(i) + "\"";
  }
  const std::string full = file.core;
  file.core = full + "]";
  EXPECT_EQ(file.Report(), "");
  file.core = full + ", \"192.0.3.1\"]";
  EXPECT_EQ(file.Report(), "f:8: error: core.resolver: 9 servers: at most 8\n");
}

TEST(SettingsCheck, OurNameIsTheCoreAddressWithBracketsForIpv6) {
  File file;
  EXPECT_EQ(file.Parse().settings.core.host, "198.51.100.10");
  file.core = "listen = \"2001:db8::10\"\nnext_hop = \"2001:db8::20\"";
  EXPECT_EQ(file.Parse().settings.core.host, "[2001:db8::10]");
  file.core += "\nhost = \"pcscf.example\"";
  EXPECT_EQ(file.Parse().settings.core.host, "pcscf.example");
}

TEST(SettingsCheck, DefaultPortsDiffer) {
  File file;
  file.ipsec += "\ndefault_client_port = 5100\ndefault_server_port = 5100";
  EXPECT_EQ(file.Report(),
            "f:4: error: ipsec.default_client_port = ipsec.default_server_port = 5100: they must "
            "differ (TS 33.203 7.1)\n");
}

TEST(SettingsCheck, DefaultPortsAreAmongTheSockets) {
  File file;
  file.ipsec += "\ndefault_client_port = 5101\ndefault_server_port = 6101";
  EXPECT_EQ(file.Report(),
            "f:3: error: ipsec.default_client_port = 5101: no socket has it; the ports of "
            "ipsec.socket are 5100, 6100\n"
            "f:4: error: ipsec.default_server_port = 6101: no socket has it; the ports of "
            "ipsec.socket are 5100, 6100\n");
}

TEST(SettingsCheck, ADefaultPortMissingOnOneAddressIsAWarning) {
  File file;
  file.ipsec =
      "socket = [\"ipsec:192.0.2.10:5100\", \"ipsec:192.0.2.10:6100\",\n"
      "\"ipsec:192.0.2.11:5200\", \"ipsec:192.0.2.11:6100\"]\n"
      "default_client_port = 5100\ndefault_server_port = 6100";
  EXPECT_TRUE(file.Parse().ok());
  EXPECT_EQ(file.Report(),
            "f:4: warning: ipsec.default_client_port = 5100: no such port on 192.0.2.11: another "
            "one is taken there\n");
}

TEST(SettingsCheck, SpisTheWrongWayRoundAreSwappedWithAWarning) {
  File file;
  file.ipsec += "\nmin_spi = 5000\nmax_spi = 4000";
  const SettingsResult result = file.Parse();
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.settings.ipsec.min_spi, 4000u);
  EXPECT_EQ(result.settings.ipsec.max_spi, 5000u);
  EXPECT_EQ(result.Report("f"),
            "f:4: warning: ipsec.min_spi = 5000 is above ipsec.max_spi = 4000: swapped\n");
}

TEST(SettingsCheck, OneSpiIsNoPair) {
  File file;
  file.ipsec += "\nmin_spi = 5000\nmax_spi = 5000";
  EXPECT_EQ(file.Report(),
            "f:4: error: ipsec.min_spi = ipsec.max_spi = 5000: a phone needs two SPIs\n");
  file.ipsec.back() = '1';
  EXPECT_EQ(file.Report(), "");
}

TEST(SettingsCheck, TheDeprecationFilterComesAfterTheAllowedAlgorithms) {
  File file;
  file.ipsec +=
      "\nallowed_algorithms = \"hmac-md5-96,aes-gmac=null\"\ndisable_deprecated_algorithms = true";
  const SettingsResult result = file.Parse();
  ASSERT_TRUE(result.ok()) << result.Report("f");
  ASSERT_EQ(result.settings.ipsec.allowed_algorithms.pairs().size(), 1u);
  EXPECT_TRUE(result.settings.ipsec.allowed_algorithms.Contains(
      {xfrm::Integrity::kAesGmac, xfrm::Encryption::kNull}));
}

TEST(SettingsCheck, TheOrderOfTheTwoAlgorithmKeysDoesNotMatter) {
  File file;
  file.ipsec += "\ndisable_deprecated_algorithms = true\nallowed_algorithms = \"null\"";
  EXPECT_EQ(file.Parse().settings.ipsec.allowed_algorithms.pairs().size(), 2u);
}

TEST(SettingsCheck, AnEmptyRestOfAlgorithmsIsAnError) {
  File file;
  file.ipsec +=
      "\nallowed_algorithms = \"hmac-sha-1-96=null\"\ndisable_deprecated_algorithms = \"yes\"";
  EXPECT_EQ(file.Report(),
            "f:4: error: ipsec.disable_deprecated_algorithms leaves nothing of "
            "ipsec.allowed_algorithms: not deprecated are null=aes-gcm and aes-gmac=null\n");
}

TEST(SettingsCheck, EveryGmAddressHasProtectedPorts) {
  File file;
  file.gm = "listen = [\"192.0.2.10\",\n\"192.0.2.11\"]";
  EXPECT_EQ(file.Report(),
            "f:5: error: gm.listen 192.0.2.11: no ipsec.socket is on 192.0.2.11, where phones "
            "would go on after the challenge\n");
  file.gm += "\nsec_agree = \"off\"";
  EXPECT_EQ(file.Report(), "");
}

TEST(SettingsCheck, AMistakeInASocketIsNotJudgedTwice) {
  File file;
  file.ipsec =
      "socket = [\"ipsec:192.0.2.10:5100\", \"192.0.2.10:6100\"]\n"
      "default_client_port = 6100";
  EXPECT_EQ(LineCount(file.Report()), 1u) << file.Report();
  file.ipsec = "port = 0\nsocket = [\"ipsec:192.0.2.10\", \"ipsec:192.0.2.10:6100\"]";
  EXPECT_EQ(LineCount(file.Report()), 1u) << file.Report();
  EXPECT_THAT(file.Report(), Not(HasSubstr("taken")));
}

TEST(SettingsCheck, AMarkLiesWithinItsMask) {
  File file;
  const std::string sockets = file.ipsec;
  file.ipsec = sockets + "\nmark = 0x14\nmark_mask = 0x1c";
  EXPECT_EQ(file.Report(), "");
  file.ipsec = sockets + "\nmark = 0x15\nmark_mask = 0x1c";
  EXPECT_THAT(file.Report(), HasSubstr(": error: ipsec.mark = 0x15: it has bits outside of "
                                       "ipsec.mark_mask = 0x1c\n"));
  file.ipsec = sockets + "\nmark_mask = 0x1c";
  EXPECT_THAT(file.Report(), HasSubstr("error: ipsec.mark_mask = 0x1c: ipsec.mark is not set\n"));
  file.ipsec = sockets + "\nmark = 0\nmark_mask = 0x1c";
  EXPECT_EQ(LineCount(file.Report()), 1u) << file.Report();
}

TEST(SettingsCheck, OffloadNeedsADeviceWithAPossibleName) {
  File file;
  const std::string sockets = file.ipsec;
  file.ipsec = sockets + "\noffload = \"crypto\"";
  EXPECT_THAT(file.Report(), HasSubstr("error: ipsec.offload: the network device is not named: "
                                       "ipsec.offload_device = \"eth0\"\n"));
  for (const std::string& name : {std::string("eth0"), std::string(15, 'x'), std::string("a.1")}) {
    file.ipsec = sockets + "\noffload = \"packet\"\noffload_device = \"" + name + "\"";
    EXPECT_EQ(file.Report(), "");
  }
  for (const std::string& name : {std::string(), std::string(16, 'x'), std::string("a/b"),
                                  std::string("a b"), std::string(".."), std::string("a:1")}) {
    file.ipsec = sockets + "\noffload = \"none\"\noffload_device = \"" + name + "\"";
    EXPECT_THAT(file.Report(), HasSubstr("no name of a network device: 1..15 characters"));
  }
}

TEST(SettingsCheck, MoreSocketsThanAWorkerServesAreRefused) {
  File file;
  file.ipsec = "socket = [";
  for (int port = 7001; port <= 7063; ++port) {
    file.ipsec += "\"ipsec:192.0.2.10:" + std::to_string(port) + "\", ";
  }
  file.ipsec += "]";
  EXPECT_EQ(file.Report(), "f:2: error: 65 sockets in all: at most 64\n");
}

}  // namespace
}  // namespace edge
