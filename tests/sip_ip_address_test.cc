#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

#include "sip/ip_address.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

// As inet_ntop() writes it, or "-".
std::string Decoded6(std::string_view text) {
  Ipv6Bytes bytes;
  if (!DecodeIpv6(text, &bytes)) return "-";
  char out[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes.data(), out, sizeof(out));
}

TEST(SipIpAddress, Ipv6) {
  EXPECT_EQ(Decoded6("2001:db8::9:1"), "2001:db8::9:1");
  EXPECT_EQ(Decoded6("2001:DB8:0:0:8:800:200C:417A"), "2001:db8::8:800:200c:417a");
  EXPECT_EQ(Decoded6("::"), "::");
  EXPECT_EQ(Decoded6("::1"), "::1");
  EXPECT_EQ(Decoded6("1::"), "1::");
  EXPECT_EQ(Decoded6("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
  EXPECT_EQ(Decoded6("::2:3:4:5:6:7:8"), "0:2:3:4:5:6:7:8");
  EXPECT_EQ(Decoded6("0001:02:003::"), "1:2:3::");
  EXPECT_EQ(Decoded6("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
  EXPECT_EQ(Decoded6("::192.0.2.1"), "::192.0.2.1");
  EXPECT_EQ(Decoded6("64:ff9b::192.0.2.1"), "64:ff9b::c000:201");
  EXPECT_EQ(Decoded6("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304");
}

TEST(SipIpAddress, NoIpv6) {
  for (const char* text : {
           "",
           ":",
           ":::",
           "::1::2",
           "1:::2",
           ":1:2:3:4:5:6:7:8",
           "1:2:3:4:5:6:7:8:",
           "1:",
           "1",
           "1:2:3:4:5:6:7",
           "1:2:3:4:5:6:7:8:9",
           "1:2:3:4:5:6:7:8::",
           "::1:2:3:4:5:6:7:8",
           "1::2:3:4:5:6:7:8",
           "12345::",
           "g::",
           "::1%eth0",
           "[::1]",
           " ::1",
           "::1 ",
           "1:2:3:4:5:6:7:1.2.3.4",
           "1.2.3.4",
           "1.2.3.4::",
           "::1.2.3",
           "::1.2.3.4.5",
           "::1.2.3.256",
           "::1.2.3.4:5",
           "::.1.2.3",
       }) {
    EXPECT_EQ(Decoded6(text), "-") << text;
  }
}

// Whatever the C library takes for an address is one, and for the same bytes.
TEST(SipIpAddress, AgreesWithTheCLibrary) {
  const std::string pieces[] = {"::", ":", "1", "ffff", "0", "1.2.3.4", "10", "a:b"};
  for (size_t code = 0; code < 8 * 8 * 8 * 8 * 8; ++code) {
    std::string text;
    for (size_t rest = code, i = 0; i < 5; ++i, rest /= 8) text += pieces[rest % 8];
    Ipv6Bytes theirs;
    const bool good = inet_pton(AF_INET6, text.c_str(), theirs.data()) == 1;
    Ipv6Bytes ours;
    ASSERT_EQ(DecodeIpv6(text, &ours), good) << text;
    if (good) {
      ASSERT_EQ(ours, theirs) << text;
    }
  }
}

TEST(SipIpAddress, Ipv4) {
  Ipv4Bytes bytes;
  ASSERT_TRUE(DecodeIpv4("192.0.2.255", &bytes));
  EXPECT_EQ(bytes, (Ipv4Bytes{192, 0, 2, 255}));
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "1..2.3", ".1.2.3", "256.0.0.1",
        "1.2.3.1000", "01.2.3.4", "1.2.3.00", "a.2.3.4", "1.2.3.4 ", "+1.2.3.4", "0x1.2.3.4"}) {
    EXPECT_FALSE(DecodeIpv4(text, &bytes)) << text;
  }
}

TEST(SipIpAddress, ReadsNothingBehindTheText) {
  for (const char* text : {"::ffff:192.0.2.25", "2001:db8::", "2001:db8:", "1:2:3:4:5:6:7:888"}) {
    const gmedge_test::GuardedText guarded(text, '1');
    EXPECT_EQ(Decoded6(guarded.text()), Decoded6(text)) << text;
  }
}

}  // namespace
}  // namespace sip
