#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "edge/settings.h"
#include "tools/opensips_convert.h"

namespace tools {
namespace {

std::string PathOf(const std::string& name) {
  return GMEDGE_SOURCE_DIR "/tests/data/convert/" + name;
}

std::string ReadFile(const std::string& name) {
  std::ifstream file(PathOf(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What tests/data/convert/NAME.cfg becomes is NAME.toml.
Conversion ExpectGolden(const std::string& name) {
  const Conversion conversion = ConvertOpensips(ReadFile(name + ".cfg"));
  EXPECT_EQ(conversion.settings, ReadFile(name + ".toml"));
  EXPECT_TRUE(conversion.has_sockets);
  return conversion;
}

edge::SettingsResult Parse(const Conversion& conversion) {
  return edge::ParseSettings(conversion.settings);
}

TEST(OpensipsConvert, EveryParameterOfTheManual) {
  const Conversion conversion = ExpectGolden("manual");
  EXPECT_EQ(conversion.remarks, 0);
  EXPECT_EQ(Parse(conversion).Report("f"), "");
}

// What is missing in the call is missing in the rule: the sensible reading of a manual that says of
// each port that it is the other's default.
TEST(OpensipsConvert, OneCallIsARuleForEverybody) {
  const Conversion conversion = ExpectGolden("one_call");
  EXPECT_EQ(conversion.remarks, 0);
  const edge::SettingsResult result = Parse(conversion);
  ASSERT_EQ(result.Report("f"), "");
  ASSERT_EQ(result.settings.rules.size(), 1u);
  EXPECT_EQ(result.settings.rules[0].port_server, 6100);
  EXPECT_FALSE(result.settings.rules[0].port_client);
}

TEST(OpensipsConvert, WhatCannotBeCarriedOverIsRemarkedOn) {
  const Conversion conversion = ExpectGolden("remarks");
  EXPECT_EQ(conversion.remarks, 18);
  // Its only mistake is one of the configuration.
  EXPECT_EQ(Parse(conversion).notes.size(), 1u);
}

TEST(OpensipsConvert, WithoutAProtectedSocketThereIsNothing) {
  const Conversion conversion = ConvertOpensips("socket=udp:192.0.2.1\nsocket=ipsec:eth0:5100\n");
  EXPECT_FALSE(conversion.has_sockets);
  EXPECT_EQ(conversion.remarks, 1);
}

// Bytes of the configuration cannot become settings by way of a remark.
TEST(OpensipsConvert, ARemarkIsOnePrintableLine) {
  const Conversion conversion = ConvertOpensips(
      "socket=ipsec:192.0.2.1:5100\nsocket=ipsec:192.0.2.1:6100\n"
      "modparam(\"proto_ipsec\", \"x\n[core]\\\"\xff\", 'y\nz')\n");
  EXPECT_EQ(conversion.remarks, 1);
  EXPECT_NE(conversion.settings.find("# line 3: x?[core]\"? = y?z: proto_ipsec has no such"),
            std::string::npos)
      << conversion.settings;
  EXPECT_EQ(Parse(conversion).Report("f"), "");
}

TEST(OpensipsConvert, TheExitStatusSaysWhatIsLeftToDo) {
  EXPECT_EQ(ConvertOpensipsFile(PathOf("manual.cfg")), 0);
  EXPECT_EQ(ConvertOpensipsFile(PathOf("remarks.cfg")), 1);
  EXPECT_EQ(ConvertOpensipsFile(PathOf("manual.toml")), 2);
  EXPECT_EQ(ConvertOpensipsFile(PathOf("none.cfg")), 2);
  EXPECT_EQ(ConvertOpensipsFile(PathOf("")), 2);
}

}  // namespace
}  // namespace tools
