#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "edge/settings.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

const std::string kSource = GMEDGE_SOURCE_DIR;

std::string DataFile(const std::string& name) {
  return kSource + "/tests/data/settings/" + name;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Text(const reactor::Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

std::vector<std::string> Texts(const std::vector<reactor::Endpoint>& endpoints) {
  std::vector<std::string> texts;
  for (const reactor::Endpoint& endpoint : endpoints) texts.push_back(Text(endpoint));
  return texts;
}

std::string Pairs(const AlgorithmList& list) {
  std::string text;
  for (const xfrm::Algorithms pair : list.pairs()) {
    text += std::string(xfrm::Name(pair.integrity)) + '=' +
            std::string(xfrm::Name(pair.encryption)) + ' ';
  }
  return text;
}

TEST(Settings, MinimalFileGivesTheDefaults) {
  const SettingsResult result = LoadSettings(DataFile("minimal.toml"));
  ASSERT_TRUE(result.ok()) << result.Report("minimal.toml");
  EXPECT_THAT(result.notes, IsEmpty());
  const Settings& settings = result.settings;
  EXPECT_THAT(Texts(settings.ipsec.sockets), ElementsAre("192.0.2.10:5100", "192.0.2.10:6100"));
  EXPECT_EQ(settings.ipsec.port, 5062);
  EXPECT_EQ(settings.ipsec.min_spi, 65536u);
  EXPECT_EQ(settings.ipsec.max_spi, 262144u);
  EXPECT_EQ(settings.ipsec.temporary_timeout_s, 30u);
  EXPECT_FALSE(settings.ipsec.default_client_port);
  EXPECT_FALSE(settings.ipsec.default_server_port);
  EXPECT_EQ(Pairs(settings.ipsec.allowed_algorithms), Pairs(AlgorithmList::All()));
  EXPECT_FALSE(settings.ipsec.disable_deprecated_algorithms);
  EXPECT_EQ(settings.ipsec.security_server, SecurityServer::kStatic);
  EXPECT_EQ(settings.ipsec.security_client, SecurityClient::kLenient);
  EXPECT_EQ(settings.ipsec.reqid, 0x676d6564u);
  EXPECT_EQ(settings.ipsec.lifetime_slack_s, 30u);
  EXPECT_EQ(settings.ipsec.replay_window, 32);
  EXPECT_EQ(settings.ipsec.mark, xfrm::PacketMark());
  EXPECT_EQ(settings.ipsec.offload, xfrm::OffloadKind::kNone);
  EXPECT_EQ(settings.ipsec.missing_algorithms, MissingAlgorithms::kRefuse);
  EXPECT_THAT(Texts(settings.gm.listen), ElementsAre("192.0.2.10:5060"));
  EXPECT_EQ(settings.gm.sec_agree, SecAgree::kRequire);
  EXPECT_EQ(Text(settings.core.listen), "198.51.100.10:5060");
  ASSERT_EQ(settings.core.next_hops.size(), 1u);
  EXPECT_EQ(Text(settings.core.next_hops[0]), "198.51.100.20:5060");
  EXPECT_EQ(settings.core.probe_interval_s, 0u);
  EXPECT_EQ(settings.core.host, "198.51.100.10");
  EXPECT_EQ(settings.core.visited_network_id, "");
  EXPECT_EQ(settings.core.register_timeout_ms, 32000u);
  EXPECT_EQ(settings.limits.registrations_max, 1'000'000u);
  EXPECT_EQ(settings.limits.half_open_max, 100'000u);
  EXPECT_EQ(settings.limits.half_open_per_source_max, 16u);
  EXPECT_EQ(settings.core.transport, Transport::kUdp);
  EXPECT_EQ(settings.limits.connections_max, 16384u);
  EXPECT_EQ(settings.limits.connections_per_source_max, 16u);
  EXPECT_EQ(settings.limits.connection_idle_s, 3600u);
  EXPECT_EQ(settings.limits.registers_per_second_max, 0u);
  EXPECT_EQ(settings.limits.refusals_per_second_max, 1000u);
  EXPECT_EQ(settings.limits.retry_after_s, 10u);
  EXPECT_EQ(settings.gm.udp_request_size_max, 1300u);
  EXPECT_EQ(settings.core.udp_request_size_max, 65535u);
  EXPECT_TRUE(settings.core.reg_event);
  EXPECT_TRUE(settings.gm.take_over);
  EXPECT_EQ(settings.log.level, "info");
}

TEST(Settings, EveryExampleOfProtoIpsecLoadsAsItsManualSays) {
  const SettingsResult result = LoadSettings(DataFile("proto_ipsec.toml"));
  ASSERT_TRUE(result.ok()) << result.Report("proto_ipsec.toml");
  const Settings::Ipsec& ipsec = result.settings.ipsec;
  EXPECT_THAT(Texts(ipsec.sockets),
              ElementsAre("192.0.2.10:5100", "192.0.2.10:6100", "192.0.2.10:5200"));
  EXPECT_EQ(ipsec.min_spi, 10000u);
  EXPECT_EQ(ipsec.max_spi, 20000u);
  EXPECT_EQ(ipsec.temporary_timeout_s, 10u);
  EXPECT_EQ(ipsec.default_client_port, 5100);
  EXPECT_EQ(ipsec.default_server_port, 6100);
  EXPECT_TRUE(ipsec.disable_deprecated_algorithms);
  EXPECT_EQ(Pairs(ipsec.allowed_algorithms), "aes-gmac=null null=aes-gcm ");
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_FALSE(result.notes[0].is_error);
  EXPECT_THAT(result.notes[0].message, HasSubstr("read as aes-gmac=null,null=aes-gcm"));
}

TEST(Settings, NamesAllOfFiveMistakesWithTheirLines) {
  const SettingsResult result = LoadSettings(DataFile("five_mistakes.toml"));
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(
      result.Report("gmedge.toml"),
      "gmedge.toml:5: error: ipsec.socket = \"udp:192.0.2.10:6100\": it does not start with "
      "\"ipsec:\"; allowed is \"ipsec:IP\" or \"ipsec:IP:port\", IPv6 as \"ipsec:[v6]:port\"; "
      "names are not resolved\n"
      "gmedge.toml:7: error: ipsec.port = 70000: a port is 1..65535\n"
      "gmedge.toml:8: error: ipsec.min_spi = \"many\": this is a string; allowed are "
      "256..4294967295 (0..255 are reserved, RFC 4303 2.1)\n"
      "gmedge.toml:9: error: ipsec.allowed_algorithms = \"hmac-sha-1-96=null,rot13\": \"rot13\" is "
      "no algorithm: hmac-md5-96, hmac-sha-1-96, aes-gmac, des-ede3-cbc, aes-cbc, aes-gcm, null "
      "or a pair integrity=encryption\n"
      "gmedge.toml:13: error: unknown key \"sec_agre\" in [gm]: did you mean \"sec_agree\"?\n");
}

TEST(Settings, SampleLoadsAsItIsAndWithEveryLineTakenIn) {
  const std::string sample = ReadFile(kSource + "/docs/gmedge.toml");
  const SettingsResult plain = ParseSettings(sample);
  EXPECT_EQ(plain.Report("gmedge.toml"), "");

  const std::regex key_line("(^|\n)# ([a-z_]+ = |\\[\\[)");
  const SettingsResult full = ParseSettings(std::regex_replace(sample, key_line, "$1$2"));
  EXPECT_EQ(full.Report("gmedge.toml"), "");

  // What the sample calls a default is one.
  const Settings& a = plain.settings;
  const Settings& b = full.settings;
  EXPECT_EQ(a.process.workers, b.process.workers);
  EXPECT_EQ(a.process.pin_cpus, b.process.pin_cpus);
  EXPECT_EQ(a.process.drain_s, b.process.drain_s);
  EXPECT_EQ(a.ipsec.port, b.ipsec.port);
  EXPECT_EQ(a.ipsec.min_spi, b.ipsec.min_spi);
  EXPECT_EQ(a.ipsec.max_spi, b.ipsec.max_spi);
  EXPECT_EQ(a.ipsec.temporary_timeout_s, b.ipsec.temporary_timeout_s);
  EXPECT_EQ(Pairs(a.ipsec.allowed_algorithms), Pairs(b.ipsec.allowed_algorithms));
  EXPECT_EQ(a.ipsec.disable_deprecated_algorithms, b.ipsec.disable_deprecated_algorithms);
  EXPECT_EQ(a.ipsec.security_server, b.ipsec.security_server);
  EXPECT_EQ(a.ipsec.security_client, b.ipsec.security_client);
  EXPECT_EQ(a.ipsec.reqid, b.ipsec.reqid);
  EXPECT_EQ(a.ipsec.lifetime_slack_s, b.ipsec.lifetime_slack_s);
  EXPECT_EQ(a.ipsec.replay_window, b.ipsec.replay_window);
  EXPECT_EQ(a.ipsec.offload, b.ipsec.offload);
  EXPECT_EQ(a.ipsec.missing_algorithms, b.ipsec.missing_algorithms);
  EXPECT_EQ(a.gm.sec_agree, b.gm.sec_agree);
  EXPECT_EQ(a.core.visited_network_id, b.core.visited_network_id);
  EXPECT_EQ(a.core.orig_ioi, b.core.orig_ioi);
  EXPECT_EQ(a.core.access_network_info, b.core.access_network_info);
  EXPECT_EQ(a.core.reg_event, b.core.reg_event);
  EXPECT_EQ(a.gm.take_over, b.gm.take_over);
  EXPECT_EQ(a.core.register_timeout_ms, b.core.register_timeout_ms);
  EXPECT_EQ(a.limits.registrations_max, b.limits.registrations_max);
  EXPECT_EQ(a.limits.half_open_max, b.limits.half_open_max);
  EXPECT_EQ(a.limits.half_open_per_source_max, b.limits.half_open_per_source_max);
  EXPECT_EQ(a.core.transport, b.core.transport);
  EXPECT_EQ(a.limits.connections_max, b.limits.connections_max);
  EXPECT_EQ(a.limits.connections_per_source_max, b.limits.connections_per_source_max);
  EXPECT_EQ(a.limits.connection_idle_s, b.limits.connection_idle_s);
  EXPECT_EQ(a.limits.registers_per_second_max, b.limits.registers_per_second_max);
  EXPECT_EQ(a.limits.refusals_per_second_max, b.limits.refusals_per_second_max);
  EXPECT_EQ(a.limits.retry_after_s, b.limits.retry_after_s);
  EXPECT_EQ(a.gm.udp_request_size_max, b.gm.udp_request_size_max);
  EXPECT_EQ(a.core.udp_request_size_max, b.core.udp_request_size_max);
  EXPECT_EQ(a.log.level, b.log.level);
  // And its examples are read.
  EXPECT_EQ(b.ipsec.default_client_port, 5100);
  EXPECT_EQ(b.core.host, "pcscf.visited.example");
}

// The message about an unknown key lists all there are: the sample has them all.
TEST(Settings, SampleNamesEverySetting) {
  const std::string sample = ReadFile(kSource + "/docs/gmedge.toml");
  for (const char* table : {"process", "ipsec", "gm", "core", "limits", "log"}) {
    const std::string text = std::string("[") + table + "]\nnothing_like_a_key = 1\n";
    const SettingsResult result = ParseSettings(text);
    const std::string report = result.Report("x");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(report, match, std::regex("the keys of \\[[a-z]+\\] are (.*)\n")))
        << report;
    const std::string keys = match[1];
    const std::regex word("[a-z_]+");
    for (std::sregex_iterator key(keys.begin(), keys.end(), word), end; key != end; ++key) {
      EXPECT_TRUE(std::regex_search(sample, std::regex("(^|\n)(# )?" + key->str() + " = ")))
          << table << "." << key->str();
    }
  }
}

TEST(Settings, AnEmptyFileNamesAllThatIsRequired) {
  const SettingsResult result = ParseSettings("");
  EXPECT_THAT(result.Report("gmedge.toml"),
              MatchesRegex("gmedge.toml: error: ipsec.socket is not set: .*\n"
                           "gmedge.toml: error: gm.listen is not set: .*\n"
                           "gmedge.toml: error: core.listen is not set: .*\n"));
}

TEST(Settings, ATableWithoutARequiredKeyIsNamedByItsLine) {
  EXPECT_THAT(ParseSettings("[log]\n\n[gm]\n").Report("f"), HasSubstr("f:3: error: gm.listen is"));
}

TEST(Settings, ReportIsOrderedByLineWithWarningsAmongErrors) {
  const std::string text =
      "[log]\nlevel = 1\n[ipsec]\nmin_spi = 2000\nmax_spi = 1000\n[nonsense]\n";
  const SettingsResult result = ParseSettings(text);
  std::vector<uint32_t> lines;
  for (const SettingsNote& note : result.notes) lines.push_back(note.line);
  EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end()));
  EXPECT_THAT(result.Report("f"),
              HasSubstr("f:5: warning: ipsec.min_spi = 2000 is above ipsec.max_spi = 1000"));
  EXPECT_THAT(result.Report("f"), HasSubstr("f:6: error: unknown table \"nonsense\""));
}

TEST(Settings, AWarningAloneIsOk) {
  const SettingsResult result =
      ParseSettings(ReadFile(DataFile("minimal.toml")) + "\n[log]\nlevel = \"debug\"\n");
  EXPECT_TRUE(result.ok());
  SettingsResult warned = result;
  warned.notes.push_back({false, 1, "a remark"});
  EXPECT_TRUE(warned.ok());
  EXPECT_EQ(warned.Report("f"), "f:1: warning: a remark\n");
}

TEST(Settings, TextThatIsNotTomlIsNamedByItsLine) {
  const SettingsResult result = ParseSettings("[ipsec]\nport = = 5\n");
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_TRUE(result.notes[0].is_error);
  EXPECT_EQ(result.notes[0].line, 2u);
  EXPECT_THAT(result.notes[0].message, HasSubstr("nothing else in the file was checked"));
}

TEST(LoadSettings, AFileThatCannotBeReadIsOneError) {
  const SettingsResult missing = LoadSettings("/nonexistent/gmedge.toml");
  EXPECT_EQ(missing.Report("gmedge.toml"),
            "gmedge.toml: error: cannot open it: No such file or directory\n");
  EXPECT_EQ(LoadSettings(kSource).Report("dir"), "dir: error: cannot read it: Is a directory\n");
}

TEST(LoadSettings, AFileThatIsTooLongIsRefused) {
  const std::string path = testing::TempDir() + "/settings_long_" + std::to_string(getpid());
  {
    std::ofstream file(path);
    for (int i = 0; i < 70000; ++i) file << "# a comment line\n";
  }
  const SettingsResult result = LoadSettings(path);
  std::remove(path.c_str());
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(result.Report("f"), HasSubstr("at most 1048576"));
}

}  // namespace
}  // namespace edge
