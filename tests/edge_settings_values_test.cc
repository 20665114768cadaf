// Every setting reaches its field.
#include <gtest/gtest.h>

#include <string>

#include "edge/settings.h"
#include "tests/edge_settings_text.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

TEST(SettingsValues, AreRead) {
  EXPECT_EQ(With("ipsec", "disable_deprecated_algorithms = 1")
                .settings.ipsec.disable_deprecated_algorithms,
            true);
  EXPECT_EQ(With("ipsec", "disable_deprecated_algorithms = \"no\"")
                .settings.ipsec.disable_deprecated_algorithms,
            false);
  EXPECT_EQ(With("core", "register_timeout = 5").settings.core.register_timeout_ms, 5000u);
  EXPECT_EQ(With("core", "transport = \"tcp\"").settings.core.transport, Transport::kTcp);
  EXPECT_EQ(With("limits", "connections_max = 17").settings.limits.connections_max, 17u);
  EXPECT_EQ(
      With("limits", "connections_per_source_max = 3").settings.limits.connections_per_source_max,
      3u);
  EXPECT_EQ(With("limits", "connection_idle = 60").settings.limits.connection_idle_s, 60u);
  EXPECT_EQ(With("limits", "registers_per_second_max = 7").settings.limits.registers_per_second_max,
            7u);
  EXPECT_EQ(With("limits", "refusals_per_second_max = 0").settings.limits.refusals_per_second_max,
            0u);
  EXPECT_EQ(With("limits", "retry_after = 5").settings.limits.retry_after_s, 5u);
  EXPECT_EQ(With("gm", "udp_request_size_max = 0").settings.gm.udp_request_size_max, 0u);
  EXPECT_EQ(With("core", "udp_request_size_max = 9").settings.core.udp_request_size_max, 9u);
  EXPECT_EQ(With("core", "host = \"2001:db8::1\"").settings.core.host, "[2001:db8::1]");
  EXPECT_EQ(With("gm", "sec_agree = \"prefer\"").settings.gm.sec_agree, SecAgree::kPrefer);
  EXPECT_EQ(With("gm", "sec_agree = \"off\"").settings.gm.sec_agree, SecAgree::kOff);
  EXPECT_EQ(With("gm", "service_route = \"reject\"").settings.gm.service_route,
            ServiceRoute::kReject);
  EXPECT_EQ(With("core", "emergency_next_hop = \"198.51.100.30\"").settings.core.emergency_next_hop,
            At("198.51.100.30:5060"));
  EXPECT_EQ(With("ipsec", "security_server = \"selected\"").settings.ipsec.security_server,
            SecurityServer::kSelected);
  EXPECT_EQ(With("gm", "emergency_numbers = [\"112\", \"+911\"]").settings.gm.emergency_numbers,
            (std::vector<std::string>{"112", "+911"}));
  EXPECT_EQ(With("ipsec", "security_client = \"strict\"").settings.ipsec.security_client,
            SecurityClient::kStrict);
  EXPECT_EQ(With("ipsec", "replay_window = 7").settings.ipsec.replay_window, 7);
  EXPECT_EQ(With("ipsec", "offload = \"packet\"").settings.ipsec.offload,
            xfrm::OffloadKind::kPacket);
  EXPECT_EQ(With("ipsec", "offload_device = \"eth0\"").settings.ipsec.offload_device, "eth0");
  EXPECT_EQ(With("ipsec", "mark = 0x10").settings.ipsec.mark, (xfrm::PacketMark{16, UINT32_MAX}));
  EXPECT_EQ(With("ipsec", "mark = 1\nmark_mask = 3").settings.ipsec.mark, (xfrm::PacketMark{1, 3}));
  EXPECT_EQ(With("ipsec", "replay_window = 4096").settings.ipsec.replay_window, 4096);
  EXPECT_EQ(With("ipsec", "missing_algorithms = \"drop\"").settings.ipsec.missing_algorithms,
            MissingAlgorithms::kDrop);
  EXPECT_EQ(With("journal", "file = \"/j\"").settings.journal.key_file, "/j.key");
  EXPECT_EQ(With("journal", "file = \"/j\"\nkey_file = \"/k\"").settings.journal.key_file, "/k");
  EXPECT_EQ(With("journal", "durability = \"relaxed\"").settings.journal.durability,
            Durability::kRelaxed);
  EXPECT_EQ(With("journal", "synchronous = \"off\"").settings.journal.synchronous,
            Synchronous::kOff);
  EXPECT_EQ(With("journal", "on_failure = \"carry_on\"").settings.journal.on_failure,
            OnJournalFailure::kCarryOn);
  EXPECT_EQ(With("log", "level = \"error\"").settings.log.level, "error");
  EXPECT_EQ(With("limits", "half_open_max = 5").settings.limits.half_open_max, 5u);
  EXPECT_EQ(With("limits", "half_open_per_source_max = 6").settings.limits.half_open_per_source_max,
            6u);
  EXPECT_EQ(With("core", "visited_network_id = \"V\"").settings.core.visited_network_id, "V");
  EXPECT_EQ(With("core", "orig_ioi = \"O\"").settings.core.orig_ioi, "O");
}

}  // namespace
}  // namespace edge
