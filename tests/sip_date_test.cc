#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "sip/date.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

// The seconds, or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, 'T');
  int64_t seconds = -1;
  const ParseError error = DecodeDate(guarded.text(), &seconds);
  return error == ParseError::kOk ? std::to_string(seconds) : std::string(Name(error));
}

TEST(SipDate, Good) {
  EXPECT_EQ(Decoded("Sat, 13 Nov 2010 23:29:00 GMT"), "1289690940");  // RFC 3261 20.17.
  EXPECT_EQ(Decoded("Thu, 01 Jan 1970 00:00:00 GMT"), "0");
  EXPECT_EQ(Decoded("Wed, 31 Dec 1969 23:59:59 GMT"), "-1");
  EXPECT_EQ(Decoded("Thu, 29 Feb 2024 12:00:00 GMT"), "1709208000");
  EXPECT_EQ(Decoded("Tue, 29 Feb 2000 00:00:00 GMT"), "951782400");
  EXPECT_EQ(Decoded(" sAT, 13 nov 2010 23:29:00 gmt\r\n "), "1289690940");
  EXPECT_EQ(Decoded("Fri, 31 Dec 9999 23:59:59 GMT"), "253402300799");
}

TEST(SipDate, Bad) {
  for (const char* text : {
           "",
           "Fri, 01 Jan 2010 16:00:00 EST",
           "Sat, 13 Nov 2010 23:29:00 UTC",
           "Sat, 13 Nov 2010 23:29:00",
           "Sun, 13 Nov 2010 23:29:00 GMT",
           "Xxx, 13 Nov 2010 23:29:00 GMT",
           "Sat, 13 Foo 2010 23:29:00 GMT",
           "Sat, 13 Nov 10 23:29:00 GMT",
           "Sat, 3 Nov 2010 23:29:00 GMT",
           "Sat,  3 Nov 2010 23:29:00 GMT",
           "Saturday, 13 Nov 2010 23:29:00 GMT",
           "Sat 13 Nov 2010 23:29:00 GMT",
           "Sat, 13  Nov 2010 23:29:00 GMT",
           "Sat, 13 Nov 2010\r\n 23:29:00 GMT",
           "Sat, 13 Nov 2010 24:00:00 GMT",
           "Sat, 13 Nov 2010 23:60:00 GMT",
           "Sat, 13 Nov 2010 23:59:60 GMT",
           "Thu, 00 Jan 1970 00:00:00 GMT",
           "Sun, 32 Jan 1970 00:00:00 GMT",
           "Wed, 29 Feb 2023 12:00:00 GMT",
           "Thu, 29 Feb 1900 12:00:00 GMT",
           "Sat, +3 Nov 2010 23:29:00 GMT",
           "Sat, 13 Nov 2010 23:29:00 GMT;x",
           "13 Nov 2010 23:29:00 GMT",
           "1289690940",
       }) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

// Every day of four centuries is the day the C library says it is.
TEST(SipDate, AgreesWithTheCLibrary) {
  for (int64_t day = -80000; day < 80000; day += 7) {
    const time_t wanted = static_cast<time_t>(day * 86400 + (day & 0xffff));
    std::tm fields;
    ASSERT_NE(gmtime_r(&wanted, &fields), nullptr);
    char text[64];
    ASSERT_GT(std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &fields), 0U);
    ASSERT_EQ(Decoded(text), std::to_string(wanted)) << text;
  }
}

// RFC 4475 3.1.2.12.
TEST(SipDate, OfTheTortureTest) {
  const gmedge_test::Parsed parsed(gmedge_test::ReadData("torture/rfc4475/baddate.dat"));
  ASSERT_TRUE(parsed.message.Has(HeaderId::kDate));
  EXPECT_EQ(Decoded(parsed.message.Value(HeaderId::kDate)), "BadHeaderValue");
}

}  // namespace
}  // namespace sip
