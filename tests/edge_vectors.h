// The message scenario of tests/data/vectors/sip as a fixture: its messages in, ours compared with
// its expected ones byte for byte, but for values that must differ from run to run.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/edge_world.h"

namespace edge {

inline std::string Vector(const std::string& name) {
  return ReadFile("vectors/sip/" + name);
}

// Ours and the vector's own names for what differs: branch, token, icid, SPIs.
class Translation {
 public:
  // Learns from a message of ours and the vector that it should be.
  void Learn(const std::string& pattern, const std::string& ours, const std::string& theirs) {
    const std::regex expression(pattern);
    std::smatch a;
    std::smatch b;
    ASSERT_TRUE(std::regex_search(ours, a, expression)) << pattern << "\n" << ours;
    ASSERT_TRUE(std::regex_search(theirs, b, expression)) << pattern << "\n" << theirs;
    pairs_.emplace_back(a[1], b[1]);
    // What has another of ours within it comes first.
    std::stable_sort(pairs_.begin(), pairs_.end(),
                     [](const auto& x, const auto& y) { return x.first.size() > y.first.size(); });
  }
  std::string ToVector(std::string text) const { return Replace(std::move(text), true); }
  std::string ToOurs(std::string text) const { return Replace(std::move(text), false); }

 private:
  std::string Replace(std::string text, bool to_vector) const {
    for (const auto& [ours, theirs] : pairs_) {
      const std::string& from = to_vector ? ours : theirs;
      const std::string& to = to_vector ? theirs : ours;
      for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
      }
    }
    return text;
  }
  std::vector<std::pair<std::string, std::string>> pairs_;
};

class EdgeVectors : public testing::Test {
 protected:
  static constexpr std::string_view kUe = "198.51.100.77:5060";
  static constexpr std::string_view kUeClient = "198.51.100.77:37001";
  static constexpr std::string_view kUeClientAgain = "198.51.100.77:37011";
  static constexpr std::string_view kUeServer = "198.51.100.77:37002";
  static constexpr std::string_view kGm = "192.0.2.10:5060";
  static constexpr std::string_view kServer = "192.0.2.10:6101";
  static constexpr std::string_view kClient = "192.0.2.10:6102";
  static constexpr std::string_view kClientAgain = "192.0.2.10:6103";
  static constexpr std::string_view kCore = "10.0.0.10:5060";
  static constexpr std::string_view kIcscf = "10.0.0.20:5060";
  static constexpr std::string_view kScscf = "10.0.0.30:6060";
  static constexpr const char* kBranch = "Via: SIP/2.0/UDP [^;]*;branch=([^;\r]*)";
  // Of a request to the phone, what our Via carries beside it too.
  static constexpr const char* kViaParams = "Via: SIP/2.0/UDP [^;]*;branch=([^\r]*)";
  static constexpr const char* kRecordRoute = "Record-Route: <sip:([^@]*)@";
  static constexpr const char* kIcid = "icid-value=([^;\r]*)";
  static constexpr const char* kPath = "Path: <sip:([^@]*)@";
  static constexpr const char* kSpiC = "spi-c=([0-9]*)";
  static constexpr const char* kSpiS = "spi-s=([0-9]*)";

  static Settings ScenarioSettings() {
    Settings settings;
    settings.gm.listen = {At(kGm)};
    settings.gm.udp_request_size_max = 65535;  // All of the scenario goes over UDP.
    settings.ipsec.sockets = {At(kServer), At(kClient), At(kClientAgain)};
    settings.ipsec.default_server_port = 6101;
    settings.ipsec.default_client_port = 6102;
    std::string error;
    std::string warning;
    EXPECT_TRUE(ParseAlgorithmList(
        "hmac-sha-1-96=aes-cbc,hmac-sha-1-96=null,hmac-md5-96=aes-cbc,hmac-md5-96=null",
        &settings.ipsec.allowed_algorithms, &error, &warning));
    settings.core.listen = At(kCore);
    settings.core.next_hops = {At(kIcscf)};
    settings.core.host = "pcscf.ims.mnc001.mcc001.3gppnetwork.org";
    settings.core.reg_event = false;  // SUBSCRIBEs have tests of their own.
    settings.core.visited_network_id = "ims.mnc001.mcc001.3gppnetwork.org";
    settings.core.orig_ioi = "ims.mnc001.mcc001.3gppnetwork.org";
    settings.core.access_network_info = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010019C01";
    return settings;
  }

  void Step(const std::string& in, std::string_view from, std::string_view to) {
    world_.Deliver(from, to, names_.ToOurs(Vector(in)));
  }
  // The next message that left is the vector, on this flow.
  void Expect(const std::string& vector, std::string_view from, std::string_view to,
              std::initializer_list<const char*> differs) {
    const Sent sent = world_.Pop();
    const std::string theirs = Vector(vector);
    for (const char* pattern : differs) names_.Learn(pattern, sent.text, theirs);
    EXPECT_EQ(names_.ToVector(sent.text), theirs) << vector;
    EXPECT_EQ(sent.from, from);
    EXPECT_EQ(sent.to, to);
    EXPECT_TRUE(world_.sent().empty());
  }
  void Challenge() {
    Step("02_register_initial_samsung.sip", kUe, kGm);
    Expect("03_register_initial_to_icscf.sip", kCore, kIcscf, {kBranch, kIcid, kPath});
    Step("04_401_from_core_ck_ik.sip", kIcscf, kCore);
    Expect("05_401_to_ue.sip", kGm, kUe, {kSpiC, kSpiS});
  }
  void Register() {
    Challenge();
    Step("06_register_protected.sip", kUeClient, kServer);
    Expect("07_register_protected_to_icscf.sip", kCore, kIcscf, {kBranch, kIcid});
    Step("08_200_from_core.sip", kIcscf, kCore);
    Expect("09_200_to_ue.sip", kClient, kUeServer, {});
  }

  World world_{ScenarioSettings()};
  Translation names_;
};

}  // namespace edge
