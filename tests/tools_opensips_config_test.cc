#include <gtest/gtest.h>

#include "tools/opensips_config.h"

namespace tools {
namespace {

// "line name(argument, 'string')", one line a statement.
std::string Read(std::string_view text) {
  constexpr std::string_view kNames[] = {"socket", "param", "create", "variable", "broken"};
  std::string result;
  for (const OpensipsStatement& statement : ReadOpensipsConfig(text)) {
    result += std::to_string(statement.line) + " ";
    result += kNames[static_cast<size_t>(statement.kind)];
    char before = '(';
    for (const OpensipsArgument& argument : statement.arguments) {
      result += before;
      result += argument.is_string ? "'" + argument.text + "'" : argument.text;
      before = ',';
    }
    result += ")\n";
  }
  return result;
}

TEST(OpensipsConfig, ASocketIsTheRestOfItsLine) {
  EXPECT_EQ(Read("socket=ipsec:192.0.2.1:5100\nsocket = udp:[::1] as x \t# y\n"),
            "1 socket(ipsec:192.0.2.1:5100)\n2 socket(udp:[::1] as x)\n");
  EXPECT_EQ(Read("listen=udp:192.0.2.1"), "1 socket(udp:192.0.2.1)\n");
  EXPECT_EQ(Read("socket_x=1\nif (socket == 1)\nsocket\n= 2"), "2 socket(= 1))\n");
}

TEST(OpensipsConfig, ArgumentsAreStringsOrNot) {
  EXPECT_EQ(Read("modparam( \"a\" ,\n'b c', 5 )\nparam(\"x\",\"y\",z)"),
            "1 param('a','b c',5)\n3 param('x','y',z)\n");
  EXPECT_EQ(Read("ipsec_create()ipsec_create(1,,\"n\")"), "1 create()\n1 create(1,,'n')\n");
  EXPECT_EQ(Read("ipsec_create(f(1, 2), $var(x))"), "1 create(f(1, 2),$var(x))\n");
  EXPECT_EQ(Read("ipsec_create(\"a\\\"b\\\\c\\n\")"), "1 create('a\"b\\c\\n')\n");
}

TEST(OpensipsConfig, CommentsAreNothing) {
  EXPECT_EQ(Read("# ipsec_create()\n/* socket=a\n*/ ipsec_create(/* 1 */ 2) # \"\nsocket=b/*c"),
            "3 create(2)\n4 socket(b/*c)\n");
  EXPECT_EQ(Read("/* ipsec_create()"), "");
}

TEST(OpensipsConfig, VariablesAreFoundInStringsToo) {
  EXPECT_EQ(Read("xlog(\"$ipsec(ip) \\\"$ipsec_ue(port-c)\")\n$var(a)=$ipsec(ik);$ipsecx(a)"),
            "1 variable($ipsec(ip))\n1 variable($ipsec_ue(port-c))\n2 variable($ipsec(ik))\n");
  EXPECT_EQ(Read("\"$ipsec(\" socket=a\n'$ipsec' $ipsec(\n)"), "1 socket(a)\n");
}

TEST(OpensipsConfig, WhatDoesNotEndIsSaid) {
  EXPECT_EQ(Read("\nipsec_create(1, (2)"), "2 broken(ipsec_create)\n");
  EXPECT_EQ(Read("modparam(\"a"), "1 broken(modparam)\n");
  EXPECT_EQ(Read("x = \"socket=a"), "");
}

}  // namespace
}  // namespace tools
