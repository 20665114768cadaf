#include <gtest/gtest.h>

#include <string>

#include "sip/session_timer.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

// "seconds refresher", or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, '0');
  SessionExpires expires;
  const ParseError error = DecodeSessionExpires(guarded.text(), &expires);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::to_string(expires.seconds) + " " + std::string(Name(expires.refresher));
}

TEST(SipSessionTimer, SessionExpires) {
  EXPECT_EQ(Decoded("1800"), "1800 ");
  EXPECT_EQ(Decoded("1800;refresher=uac"), "1800 uac");
  EXPECT_EQ(Decoded(" 4000 ;\r\n x=y; Refresher = UAS"), "4000 uas");
  EXPECT_EQ(Decoded("1"), "1 ");  // Too small is another thing than malformed.
}

TEST(SipSessionTimer, BadSessionExpires) {
  for (const char* text : {"", ";refresher=uac", "x", "-1", "1800;refresher", "1800;refresher=x",
                           "1800;refresher=uac;refresher=uac", "1800;refresher=uac;refresher=uas",
                           "1800;;x", "4294967296", "1800 1800", "1800,1800"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

TEST(SipSessionTimer, MinSe) {
  uint32_t seconds = 0;
  ASSERT_EQ(DecodeMinSe(" 90 ;x=y", &seconds), ParseError::kOk);
  EXPECT_EQ(seconds, kSessionIntervalMin);
  for (const char* text : {"", "x", "90;", "90 90", "90;;x", ";x", "4294967296"}) {
    EXPECT_EQ(DecodeMinSe(text, &seconds), ParseError::kBadHeaderValue) << text;
    EXPECT_EQ(seconds, 90U);
  }
}

}  // namespace
}  // namespace sip
