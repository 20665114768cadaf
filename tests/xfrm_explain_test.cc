// Words for refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "xfrm/reply.h"

namespace xfrm {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(XfrmExplain, NamesWhatTheOperatorCanDo) {
  EXPECT_THAT(Explain(std::errc::operation_not_permitted), HasSubstr("CAP_NET_ADMIN"));
  EXPECT_THAT(Explain(std::errc::protocol_not_supported), HasSubstr("esp4"));
  EXPECT_THAT(Explain(std::errc::function_not_supported), HasSubstr("algorithm"));
  EXPECT_THAT(Explain(std::errc::no_buffer_space), HasSubstr("receive buffer"));
}

TEST(XfrmExplain, EveryExplanationBeginsWithItsName) {
  for (int number = 1; number < 200; ++number) {
    const std::errc error = static_cast<std::errc>(number);
    EXPECT_THAT(Explain(error), StartsWith(Name(error))) << number;
  }
}

TEST(XfrmExplain, NamesAreThoseOfErrno) {
  EXPECT_EQ(Name(std::errc::operation_not_permitted), "EPERM");
  EXPECT_EQ(Name(std::errc::file_exists), "EEXIST");
  EXPECT_EQ(Name(std::errc::no_such_process), "ESRCH");
  EXPECT_EQ(Name(std::errc::no_such_file_or_directory), "ENOENT");
  EXPECT_EQ(Name(std::errc::protocol_not_supported), "EPROTONOSUPPORT");
  EXPECT_EQ(Name(std::errc::function_not_supported), "ENOSYS");
  EXPECT_EQ(Name(std::errc::timed_out), "ETIMEDOUT");
  EXPECT_EQ(Name(std::errc{}), "OK");
  EXPECT_EQ(Name(std::errc::broken_pipe), "E?");
}

}  // namespace
}  // namespace xfrm
