// Single values, each by itself in a file that is good: kind, range, words, addresses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "edge/settings.h"
#include "tests/edge_settings_text.h"

namespace edge {
namespace {

using testing::HasSubstr;

struct Case {
  const char* table;
  const char* entry;
  const char* says;  // Part of the only error; "" when the entry is good.
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.table << "." << one.entry;
}

class SettingsValue : public testing::TestWithParam<Case> {};

TEST_P(SettingsValue, IsJudgedByItself) {
  const Case& one = GetParam();
  const SettingsResult result = With(one.table, one.entry);
  const std::string report = result.Report("f");
  if (*one.says == '\0') {
    EXPECT_EQ(report, "");
  } else {
    EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 1) << report;
    EXPECT_THAT(report, HasSubstr(one.says));
    EXPECT_FALSE(result.ok());
  }
}

constexpr Case kNumbers[] = {
    {"ipsec", "port = 1", ""},
    {"ipsec", "port = 65535", ""},
    {"ipsec", "port = 0", "f:2: error: ipsec.port = 0: a port is 1..65535"},
    {"ipsec", "port = 65536", "ipsec.port = 65536: a port is 1..65535"},
    {"ipsec", "port = -1", "ipsec.port = -1: a port is 1..65535"},
    {"ipsec", "port = \"5062\"", "ipsec.port = \"5062\": this is a string; a port is 1..65535"},
    {"ipsec", "port = 5062.0", "ipsec.port = a float: this is a float; a port"},
    {"ipsec", "port = 2024-01-01", "ipsec.port = a date or time: this is"},
    {"ipsec", "port = {a = 1}", "ipsec.port = a table: this is a table"},
    {"ipsec", "port = [5062]", "ipsec.port = an array of 1: this is an array"},
    {"ipsec", "min_spi = 256", ""},
    {"ipsec", "min_spi = 255", "ipsec.min_spi = 255: allowed are 256..4294967295 (0..255 are"},
    {"ipsec", "max_spi = 4294967295", ""},
    {"ipsec", "max_spi = 4294967296", "allowed are 256..4294967295"},
    {"ipsec", "max_spi = 0", "ipsec.max_spi = 0: allowed are 256..4294967295"},
    {"ipsec", "temporary_timeout = 1", ""},
    {"ipsec", "temporary_timeout = 3600", ""},
    {"ipsec", "temporary_timeout = 0", "allowed are 1..3600 (seconds)"},
    {"ipsec", "temporary_timeout = 3601", "allowed are 1..3600 (seconds)"},
    {"ipsec", "default_client_port = 5100", ""},
    {"ipsec", "default_client_port = 0", "a port is 1..65535"},
    {"ipsec", "default_server_port = 65536", "a port is 1..65535"},
    {"ipsec", "reqid = 1", ""},
    {"ipsec", "reqid = 0", "allowed are 1..4294967295"},
    {"ipsec", "lifetime_slack = 3600", ""},
    {"ipsec", "lifetime_slack = 0", "allowed are 1..3600 (seconds)"},
    {"ipsec", "missing_algorithms = \"refuse\"", ""},
    {"ipsec", "missing_algorithms = \"ignore\"", "allowed are \"refuse\", \"drop\""},
    {"ipsec", "replay_window = 1", ""},
    {"ipsec", "offload = \"none\"", ""},
    {"ipsec", "offload = \"full\"", "allowed are \"none\", \"crypto\", \"packet\""},
    {"ipsec", "offload_device = 3", "a string is allowed"},
    {"ipsec", "mark = 4294967295", ""},
    {"ipsec", "mark = 0", "allowed are 1..4294967295 (a mark on packets)"},
    {"ipsec", "mark = \"0x1\"", "this is a string"},
    {"ipsec", "mark_mask = 4294967296", "allowed are 1..4294967295 (the bits that count)"},
    {"ipsec", "replay_window = 4096", ""},
    {"ipsec", "replay_window = 4097", "allowed are 1..4096 (packets)"},
    {"core", "register_timeout = 600", ""},
    {"journal", "file = \"/var/lib/gmedge/journal\"", ""},
    {"journal", "file = 3", "a string is allowed"},
    {"journal", "durability = \"lax\"",
     "journal.durability = \"lax\": allowed are \"strict\", \"relaxed\""},
    {"journal", "synchronous = \"extra\"",
     "journal.synchronous = \"extra\": allowed are \"full\", \"normal\", \"off\""},
    {"journal", "on_failure = \"stop\"",
     "journal.on_failure = \"stop\": allowed are \"refuse_new\", \"carry_on\""},
    {"core", "transport = \"tcp\"", ""},
    {"core", "transport = \"tls\"", "allowed are \"udp\", \"tcp\""},
    {"limits", "connections_max = 15", "allowed are 16..1000000 (connections)"},
    {"limits", "connections_per_source_max = 0", "allowed are 1..1000000 (connections)"},
    {"limits", "connection_idle = 604801", "allowed are 1..604800 (seconds)"},
    {"limits", "registers_per_second_max = 1000001",
     "limits.registers_per_second_max = 1000001: allowed are 0..1000000 (a second; 0: no limit)"},
    {"limits", "registers_per_second_max = 0", ""},
    {"limits", "refusals_per_second_max = -1",
     "limits.refusals_per_second_max = -1: allowed are 0..1000000 (a second; 0: silence)"},
    {"limits", "refusals_per_second_max = 1000000", ""},
    {"limits", "retry_after = 0", "limits.retry_after = 0: allowed are 1..3600 (seconds)"},
    {"limits", "retry_after = 3601", "allowed are 1..3600 (seconds)"},
    {"gm", "udp_request_size_max = 65536", "allowed are 0..65535"},
    {"core", "udp_request_size_max = 65536", "allowed are 0..65535"},
    {"core", "register_timeout = 601", "allowed are 1..600 (seconds)"},
    {"limits", "registrations_max = 16000000", ""},
    {"limits", "registrations_max = 0", "limits.registrations_max = 0: allowed are 1..16000000"},
    {"limits", "half_open_max = 16000001", "allowed are 1..16000000"},
    {"limits", "half_open_per_source_max = true", "this is a boolean; allowed are 1..16000000"},
};
INSTANTIATE_TEST_SUITE_P(Numbers, SettingsValue, testing::ValuesIn(kNumbers));

constexpr Case kWords[] = {
    {"gm", "sec_agree = \"require\"", ""},
    {"gm", "sec_agree = \"prefer\"", ""},
    {"gm", "sec_agree = \"off\"", ""},
    {"gm", "service_route = \"replace\"", ""},
    {"gm", "service_route = \"reject\"", ""},
    {"gm", "service_route = true", "this is a boolean; allowed are \"replace\", \"reject\""},
    {"gm", "service_route = \"off\"", "allowed are \"replace\", \"reject\""},
    {"core", "emergency_next_hop = \"198.51.100.30\"", ""},
    {"core", "emergency_next_hop = \"ecscf.example\"",
     "allowed is \"IP\" or \"IP:port\", IPv6 as \"[v6]:port\"; names are not resolved"},
    {"gm", "sec_agree = \"on\"", "allowed are \"require\", \"prefer\", \"off\""},
    {"gm", "sec_agree = false", "this is a boolean; allowed are \"require\""},
    {"ipsec", "security_server = \"selected\"", ""},
    {"ipsec", "security_server = \"both\"", "allowed are \"static\", \"selected\""},
    {"gm", "emergency_numbers = \"112\"", ""},
    {"gm", "emergency_numbers = [\"112\", \"+911\", \"*1#\"]", ""},
    {"gm", "emergency_numbers = []", ""},
    {"gm", "emergency_numbers = 112",
     "gm.emergency_numbers = 112: allowed are \"112\" and such, of at most 16 of 0..9, *, #, +"},
    {"gm", "emergency_numbers = [\"112\", \"1-1\"]", "allowed are \"112\" and such"},
    {"gm", "emergency_numbers = \"12345678901234567\"", "of at most 16"},
    {"gm", "emergency_numbers = \"1234567890123456\"", ""},
    {"gm",
     "emergency_numbers = [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
     "\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]",
     "allowed are 0..16 numbers"},
    {"gm", "anonymous_emergency = 3", "allowed are true, false, 1, 0, \"yes\", \"no\""},
    {"ipsec", "security_client = \"strict\"", ""},
    {"ipsec", "security_client = \"none\"",
     "ipsec.security_client = \"none\": allowed are \"lenient\", \"strict\""},
    {"log", "level = \"debug\"", ""},
    {"log", "level = \"verbose\"", "allowed are \"debug\", \"info\", \"warn\", \"error\""},
    {"ipsec", "disable_deprecated_algorithms = true", ""},
    {"ipsec", "disable_deprecated_algorithms = 1", ""},
    {"ipsec", "disable_deprecated_algorithms = 0", ""},
    {"ipsec", "disable_deprecated_algorithms = \"yes\"", ""},
    {"ipsec", "disable_deprecated_algorithms = \"no\"", ""},
    {"ipsec", "disable_deprecated_algorithms = 2",
     "allowed are true, false, 1, 0, \"yes\", \"no\""},
    {"ipsec", "disable_deprecated_algorithms = \"y\"", "allowed are true, false, 1, 0"},
    {"core", "reg_event = false", ""},
    {"core", "reg_event = 2", "core.reg_event = 2: allowed are true, false, 1, 0, \"yes\", \"no\""},
    {"gm", "take_over = \"no\"", ""},
    {"gm", "take_over = \"never\"",
     "gm.take_over = \"never\": allowed are true, false, 1, 0, \"yes\", \"no\""},
    {"ipsec", "allowed_algorithms = \"\"", ""},
    {"ipsec", "allowed_algorithms = \"null\"", ""},
    {"ipsec", "allowed_algorithms = \"hmac-sha-1-96=null\"", ""},
    {"ipsec", "allowed_algorithms = [\"null\"]", "a string is allowed, items separated by commas"},
    {"ipsec", "allowed_algorithms = \"sha1=xor\"", "\"xor\" is no encryption algorithm: des-ede3"},
};
INSTANTIATE_TEST_SUITE_P(Words, SettingsValue, testing::ValuesIn(kWords));

constexpr Case kTexts[] = {
    {"core", "host = \"pcscf-1.ims.mnc001.mcc262.3gppnetwork.org\"", ""},
    {"core", "host = \"2001:db8::1\"", ""},
    {"core", "host = \"[2001:db8::1]\"", ""},
    {"core", "host = \"\"", "allowed are a host name, an IPv4 address or an IPv6 address"},
    {"core", "host = \"pcscf:5060\"", "without port"},
    {"core", "host = \"a b\"", "allowed are a host name"},
    {"core", "host = \"sip:pcscf;lr\"", "allowed are a host name"},
    {"core", "visited_network_id = \"Visited Network 1\"", ""},
    {"core", "visited_network_id = \"a\\\"b\"", "no \" and no \\ are allowed"},
    {"core", "orig_ioi = \"visited.example\"", ""},
    {"core", "orig_ioi = \"a\\\\b\"", "no \" and no \\ are allowed"},
    {"core", "orig_ioi = 1", "this is an integer; a string is allowed"},
    {"core", "access_network_info = \"3GPP-E-UTRAN-FDD;a=\\\"b\\\";network-provided\"", ""},
    {"core", "access_network_info = \"a\\r\\nRoute: <sip:x>\"",
     "core.access_network_info = \"a\\x0d\\x0aRoute: <sip:x>\": no control characters"},
};
INSTANTIATE_TEST_SUITE_P(Texts, SettingsValue, testing::ValuesIn(kTexts));

constexpr Case kAddresses[] = {
    {"gm", "listen = [\"192.0.2.10:5070\", \"192.0.2.10\"]", ""},
    {"gm", "listen = 5060", "this is an integer; allowed is \"IP\" or \"IP:port\""},
    {"gm", "listen = [5060]", "gm.listen = 5060: this is an integer"},
    {"gm", "listen = \"pcscf.example\"", "names are not resolved"},
    {"gm", "listen = \"192.0.2.256\"", "gm.listen = \"192.0.2.256\": allowed is \"IP\""},
    {"gm", "listen = \"192.0.2.10:0\"", "a port is 1..65535"},
    {"gm", "listen = \"192.0.2.10:65536\"", "allowed is \"IP\" or \"IP:port\""},
    {"gm", "listen = \"192.0.2.10:\"", "allowed is \"IP\" or \"IP:port\""},
    {"gm", "listen = \"\"", "gm.listen = \"\": allowed is"},
    {"gm", "listen = \"0.0.0.0\"", "a wildcard is no address"},
    {"gm", "listen = \"[::]:5060\"", "a wildcard is no address"},
    {"gm", "listen = \"224.0.0.1\"", "not a unicast address"},
    {"gm", "listen = \"255.255.255.255\"", "not a unicast address"},
    {"gm", "listen = \"ff02::1\"", "not a unicast address"},
    {"gm", "listen = \"fe80::1\"", "link-local"},
    {"gm", "listen = \"::ffff:192.0.2.10\"", "allowed is \"IP\""},
    {"core", "listen = [[\"198.51.100.10\"]]", "this is an array; allowed is \"IP\""},
    {"core", "listen = \"0.0.0.0:5060\"", "a wildcard is no address"},
    {"ipsec", "socket = [\"ipsec:192.0.2.10\", \"ipsec:192.0.2.10:6100\"]", ""},
    {"ipsec", "socket = \"192.0.2.10:5100\"", "does not start with \"ipsec:\""},
    {"ipsec", "socket = \"udp:192.0.2.10:5100\"", "does not start with \"ipsec:\""},
    {"ipsec", "socket = \"ipsec:pcscf.example\"", "names are not resolved"},
    {"ipsec", "socket = \"ipsec:*:5100\"", "names are not resolved"},
    {"ipsec", "socket = \"ipsec:192.0.2.10:0\"", "a port is 1..65535"},
    {"ipsec", "socket = \"ipsec:0.0.0.0:5100\"", "a wildcard is no address"},
    {"ipsec", "socket = \"ipsec:2001:db8::1:5100x\"", "allowed is \"ipsec:IP\""},
    {"ipsec", "socket = [[\"ipsec:192.0.2.10:5100\"]]", "this is an array; allowed is \"ipsec:IP"},
    {"ipsec", "socket = true", "this is a boolean; allowed is \"ipsec:IP\""},
};
INSTANTIATE_TEST_SUITE_P(Addresses, SettingsValue, testing::ValuesIn(kAddresses));

}  // namespace
}  // namespace edge
