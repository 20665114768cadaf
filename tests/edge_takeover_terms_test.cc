#include <gtest/gtest.h>

#include "edge/takeover_terms.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

Settings Sample() {
  Settings settings;
  settings.gm.listen = {At("192.0.2.1:5060"), At("[2001:db8::1]:5060")};
  settings.ipsec.sockets = {At("192.0.2.1:6100"), At("192.0.2.1:6101")};
  settings.core.listen = At("10.0.0.1:5060");
  return settings;
}
TakeoverTerms Ours() {
  return TermsOf(Sample(), "kernel");
}
std::string Compare(const Settings& theirs, std::string_view xfrm = "kernel") {
  return CompareTerms(WriteTerms(TermsOf(theirs, xfrm)), Ours());
}

TEST(EdgeTakeoverTerms, TheSameSettingsAgree) {
  EXPECT_EQ(Compare(Sample()), "");
}

TEST(EdgeTakeoverTerms, WhatMayDifferMay) {
  Settings other = Sample();
  other.limits.registrations_max = 17;
  other.log.level = "debug";
  other.core.next_hops = {At("10.0.0.2:5060")};
  EXPECT_EQ(Compare(other), "");
}

TEST(EdgeTakeoverTerms, WhatDiffersIsNamedWithBothValues) {
  const auto message = [](const std::string& name, const std::string& running,
                          const std::string& next) {
    return name + " is \"" + running + "\" in the running gmedge and \"" + next +
           "\" in the new one: what differs there cannot be taken over";
  };
  Settings other = Sample();
  other.process.workers = 2;
  EXPECT_EQ(Compare(other), message("process.workers", "1", "2"));
  other = Sample();
  other.gm.listen.pop_back();
  EXPECT_EQ(Compare(other),
            message("gm.listen", "192.0.2.1:5060, [2001:db8::1]:5060", "192.0.2.1:5060"));
  other = Sample();
  other.ipsec.sockets[1].set_port(6102);
  EXPECT_EQ(Compare(other), message("ipsec.socket", "192.0.2.1:6100, 192.0.2.1:6101",
                                    "192.0.2.1:6100, 192.0.2.1:6102"));
  other = Sample();
  other.core.listens = {At("10.0.0.1:5060"), At("10.0.0.1:5061")};
  EXPECT_EQ(Compare(other),
            message("core.listen", "10.0.0.1:5060", "10.0.0.1:5060, 10.0.0.1:5061"));
  other = Sample();
  other.ipsec.reqid = 7;
  EXPECT_EQ(Compare(other), message("ipsec.reqid", "1735222628", "7"));
  other = Sample();
  other.ipsec.min_spi = 256;
  EXPECT_EQ(Compare(other), message("ipsec.min_spi", "65536", "256"));
  other = Sample();
  other.limits.connections_max = 16;
  EXPECT_EQ(Compare(other), message("limits.connections_max", "16384", "16"));
  other = Sample();
  other.journal.file = "/journal";
  EXPECT_EQ(Compare(other), message("journal.file", "", "/journal"));
  EXPECT_EQ(Compare(Sample(), "sim"), message("--xfrm", "kernel", "sim"));
}

TEST(EdgeTakeoverTerms, AnotherVersionIsRefusedBeforeAnythingElseIsRead) {
  EXPECT_EQ(CompareTerms("gmedge takeover 999\nwhat=ever\n", Ours()),
            "the running gmedge speaks version " + std::to_string(kTakeoverVersion) +
                " of the takeover and the new one version 999: end the one and start the other");
}

TEST(EdgeTakeoverTerms, AnythingElseIsNoGmedge) {
  const std::string good = WriteTerms(Ours());
  for (size_t size = 0; size + 1 < good.size(); ++size) {
    EXPECT_NE(CompareTerms(good.substr(0, size), Ours()), "") << size;
  }
  const std::string strange = "who wants to take over is no gmedge";
  EXPECT_EQ(CompareTerms("", Ours()), strange);
  EXPECT_EQ(CompareTerms("GET / HTTP/1.1\n", Ours()), strange);
  EXPECT_EQ(CompareTerms("gmedge takeover x\n", Ours()), strange);
  EXPECT_EQ(CompareTerms("gmedge takeover " + std::to_string(kTakeoverVersion) + "\n", Ours()),
            strange);
  EXPECT_EQ(CompareTerms(good + "more=1\n", Ours()), strange);
}

}  // namespace
}  // namespace edge
