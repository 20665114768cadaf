#include <gtest/gtest.h>

#include <string>

#include "edge/own_uri.h"

namespace edge {
namespace {

constexpr uint64_t kToken = 0x0123456789abcdef;

TEST(EdgeOwnUri, PathNamesThePhone) {
  OwnUser user;
  ASSERT_TRUE(ReadOwnUser("0123456789abcdef", &user));
  EXPECT_EQ(user.token, kToken);
  EXPECT_FALSE(user.has_dialog);
  EXPECT_FALSE(user.is_outbound);
}

TEST(EdgeOwnUri, AndWhetherItHasFlows) {
  OwnUser user;
  ASSERT_TRUE(ReadOwnUser(std::string(PathUserStart(true)) + "0123456789abcdef", &user));
  EXPECT_EQ(user.token, kToken);
  EXPECT_TRUE(user.is_outbound);
  EXPECT_EQ(PathUserStart(false), "");
}

TEST(EdgeOwnUri, RecordRouteNamesTheDialogToo) {
  const DialogUserText text = WriteDialogUser(kToken, 7);
  EXPECT_EQ(std::string(text.data(), text.size()), "0123456789abcdef-0000000000000007");
  OwnUser user;
  ASSERT_TRUE(ReadOwnUser({text.data(), text.size()}, &user));
  EXPECT_EQ(user.token, kToken);
  EXPECT_TRUE(user.has_dialog);
  EXPECT_EQ(user.dialog, 7u);
}

TEST(EdgeOwnUri, AnythingElseIsNoneOfOurs) {
  OwnUser user;
  for (const char* text :
       {"", "orig", "0123456789abcde", "0123456789abcdef0", "x0123456789abcdef",
        "O0123456789abcdef", "0123456789abcdeg", "0123456789abcdef-", "0123456789abcdef-7",
        "0123456789abcdef+0000000000000007", "0123456789abcdef-000000000000000g",
        "g123456789abcdef-0000000000000007", "o0123456789abcdef-000000000000007"}) {
    EXPECT_FALSE(ReadOwnUser(text, &user)) << text;
  }
}

}  // namespace
}  // namespace edge
