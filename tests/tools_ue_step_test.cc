#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tools/ue_step.h"

namespace tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(UeStep, EveryStepIsReadByItsName) {
  std::string error;
  for (int i = 0; i < kStepCount; ++i) {
    const Step step = static_cast<Step>(i);
    EXPECT_THAT(ParseScenario(Name(step), &error).value(), ElementsAre(step));
  }
}

TEST(UeStep, RepeatsAStep) {
  std::string error;
  EXPECT_THAT(ParseScenario("register,message*3,deregister", &error).value(),
              ElementsAre(Step::kRegister, Step::kMessage, Step::kMessage, Step::kMessage,
                          Step::kDeregister));
}

TEST(UeStep, SaysWhatIsWrong) {
  std::string error;
  EXPECT_FALSE(ParseScenario("register,dance", &error));
  EXPECT_THAT(error, HasSubstr("\"dance\" is no step"));
  EXPECT_THAT(error, HasSubstr(" mt-invite "));
  for (const char* text : {"message*0", "message*", "message*x", "message*100001"}) {
    EXPECT_FALSE(ParseScenario(text, &error)) << text;
    EXPECT_THAT(error, HasSubstr("the count is 1 to 100000"));
  }
  EXPECT_FALSE(ParseScenario("", &error));
}

TEST(UeStep, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < kFailureCount; ++i) names.insert(Name(static_cast<Failure>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kFailureCount));
}

TEST(UeStep, EveryFaultIsReadByItsName) {
  for (int i = 0; i <= static_cast<int>(Fault::kPlain); ++i) {
    const Fault fault = static_cast<Fault>(i);
    EXPECT_EQ(ParseFault(Name(fault)), fault);
  }
  EXPECT_EQ(ParseFault("nothing"), std::nullopt);
}

}  // namespace
}  // namespace tools
