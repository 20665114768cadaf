#include <gtest/gtest.h>

#include <string>

#include "sip/list.h"
#include "sip/reason.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

// "protocol|cause|text", or the error's name.
std::string Decoded(std::string_view text) {
  const gmedge_test::GuardedText guarded(text, '1');
  Reason reason;
  const ParseError error = DecodeReason(guarded.text(), &reason);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::string(reason.protocol) + "|" +
         (reason.cause.has_value() ? std::to_string(*reason.cause) : "-") + "|" +
         std::string(reason.text);
}

// The examples of RFC 3326 2.
TEST(SipReason, Good) {
  EXPECT_EQ(Decoded("SIP ;cause=200 ;text=\"Call completed elsewhere\""),
            "SIP|200|Call completed elsewhere");
  EXPECT_EQ(Decoded("Q.850 ;cause=16 ;text=\"Terminated\""), "Q.850|16|Terminated");
  EXPECT_EQ(Decoded("preemption"), "preemption|-|");
  EXPECT_EQ(Decoded(" sip;\r\n TEXT=\"a;\\\"b, c\";x;Cause=\"1\" "), "sip|1|a;\\\"b, c");
  EXPECT_EQ(Decoded("SIP;text=\"\""), "SIP|-|");
}

TEST(SipReason, Bad) {
  for (const char* text :
       {"", ";cause=1", "a b", "SIP;cause", "SIP;cause=", "SIP;cause=x", "SIP;cause=4294967296",
        "SIP;cause=1;cause=1", "SIP;text=\"a\";text=\"a\"", "SIP;text=\"a", "SIP;;cause=1",
        "SIP,Q.850", "SIP;"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

TEST(SipReason, OneAProtocol) {
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith(
      "Reason: SIP;cause=600;text=\"Busy, Everywhere\", Q.850;cause=17\r\nReason: X\r\n"));
  std::string all;
  ListReader reader(parsed.message, HeaderId::kReason);
  for (ListMember member; reader.Next(&member);) all += Decoded(member.text) + "\n";
  EXPECT_EQ(all, "SIP|600|Busy, Everywhere\nQ.850|17|\nX|-|\n");
}

}  // namespace
}  // namespace sip
