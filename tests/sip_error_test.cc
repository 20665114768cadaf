#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "sip/error.h"

namespace sip {
namespace {

constexpr int kErrorCount = static_cast<int>(ParseError::kBadHeaderValue) + 1;

TEST(SipError, EveryErrorHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i < kErrorCount; ++i) names.insert(Name(static_cast<ParseError>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kErrorCount));
  EXPECT_FALSE(names.contains(""));
  EXPECT_FALSE(names.contains("Unknown"));
  EXPECT_EQ(Name(ParseError::kBadVia), "BadVia");
}

TEST(SipError, StatusTellsTheKindOfRefusal) {
  EXPECT_EQ(StatusFor(ParseError::kBadVersion), 505);
  EXPECT_EQ(StatusFor(ParseError::kUnsupportedScheme), 416);
  EXPECT_EQ(StatusFor(ParseError::kTooLarge), 513);
  EXPECT_EQ(StatusFor(ParseError::kTooManyHeaders), 513);
  EXPECT_EQ(StatusFor(ParseError::kBadRequestUri), 400);
  EXPECT_EQ(StatusFor(ParseError::kBadSecurityHeader), 400);
  EXPECT_EQ(StatusFor(ParseError::kBadHeaderValue), 400);
}

TEST(SipErrorDeathTest, NoStatusForAMessageThatIsGood) {
  EXPECT_DEATH(StatusFor(ParseError::kOk), "");
  EXPECT_DEATH(StatusFor(ParseError::kEmpty), "");
}

}  // namespace
}  // namespace sip
