#include <absl/flags/flag.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "tools/program.h"

ABSL_FLAG(uint32_t, phone_count, 1, "for this test");
ABSL_FLAG(uint32_t, phone_limit, 1, "for this test");
ABSL_FLAG(bool, retransmit, true, "for this test");

namespace tools {
namespace {

void Parse(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  ParseFlags(static_cast<int>(pointers.size()), pointers.data(), "a test");
}

TEST(Program, ReadsFlagsInBothSpellings) {
  // Once: absl takes a command line only once.
  Parse({"test", "--phone-count=7", "--phone_limit", "8", "--no-retransmit"});
  EXPECT_EQ(absl::GetFlag(FLAGS_phone_count), 7u);
  EXPECT_EQ(absl::GetFlag(FLAGS_phone_limit), 8u);
  EXPECT_FALSE(absl::GetFlag(FLAGS_retransmit));
}

TEST(ProgramDeathTest, BadFlagsAreStatus2) {
  EXPECT_EXIT(Parse({"test", "--bogus"}), testing::ExitedWithCode(2), "bogus");
  EXPECT_EXIT(Parse({"test", "--phone-count=many"}), testing::ExitedWithCode(2), "many");
  EXPECT_EXIT(Parse({"test", "stray"}), testing::ExitedWithCode(2), "\"stray\" is not a flag");
  EXPECT_EXIT(BadFlag("why"), testing::ExitedWithCode(2), "why");
}

TEST(ProgramDeathTest, HelpAndVersionAreStatus0) {
  EXPECT_EXIT(Parse({"test", "--help"}), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(Parse({"test", "--version"}), testing::ExitedWithCode(0), "");
}

TEST(Program, CountsStopSignals) {
  CountStopSignals();
  EXPECT_EQ(StopSignals(), 0);
  std::raise(SIGTERM);
  EXPECT_EQ(StopSignals(), 1);
  std::raise(SIGINT);
  EXPECT_EQ(StopSignals(), 2);
}

TEST(Program, TimeDoesNotGoBack) {
  const uint64_t before = NowUs();
  EXPECT_GE(NowUs(), before);
}

}  // namespace
}  // namespace tools
