#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>

#include "xfrm/counters.h"

namespace xfrm {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(XfrmCounters, EveryNameReachesItsField) {
  std::set<std::string_view> names;
  for (const KernelCounterInfo& info : KernelCounterInfos()) {
    names.insert(info.name);
    KernelCounters expected;
    expected.*info.field = 18446744073709551615u;
    KernelCounters counters;
    const std::string line = std::string(info.name) + "\t18446744073709551615\n";
    ASSERT_TRUE(ParseKernelCounters(line, &counters));
    EXPECT_EQ(counters, expected) << info.name;
  }
  EXPECT_EQ(names.size(), KernelCounterInfos().size());
  EXPECT_EQ(names.size(), 32u);
}

TEST(XfrmCounters, ReadsTheFileOfLinux61) {
  const std::string text = ReadFile(GMEDGE_SOURCE_DIR "/fuzz/corpus/xfrm_counters_fuzz/linux_6_1");
  KernelCounters counters;
  ASSERT_TRUE(ParseKernelCounters(text, &counters));
  EXPECT_EQ(counters.in_no_states, 3u);
  EXPECT_EQ(counters.in_template_mismatch, 12u);
  EXPECT_EQ(counters.out_no_states, 1u);
  EXPECT_EQ(counters.acquire_error, 7u) << "its last line";
  EXPECT_EQ(counters.out_no_queue_space, 0u) << "it knows none such";
  EXPECT_EQ(counters.unknown, 0u);
}

TEST(XfrmCounters, ThisKernelHasNoNameWeDoNotKnow) {
  const std::string text = ReadFile("/proc/net/xfrm_stat");
  if (text.empty()) GTEST_SKIP() << "this kernel has no CONFIG_XFRM_STATISTICS";
  KernelCounters counters;
  EXPECT_TRUE(ParseKernelCounters(text, &counters));
  EXPECT_EQ(counters.unknown, 0u) << text;
}

TEST(XfrmCounters, AnyOrderAndAnyBlanksWillDo) {
  KernelCounters counters;
  ASSERT_TRUE(ParseKernelCounters(
      "XfrmOutNoStates\t \t5\nXfrmInError 4\nXfrmInNoPols 0\nXfrmInError 6", &counters));
  EXPECT_EQ(counters.out_no_states, 5u);
  EXPECT_EQ(counters.in_error, 6u) << "the last one counts";
}

TEST(XfrmCounters, UnknownNamesAreCountedAndLeftOut) {
  KernelCounters counters;
  ASSERT_TRUE(ParseKernelCounters("XfrmInNew 5\nXfrmInNoStates 2\nxfrminerror 7\n", &counters));
  EXPECT_EQ(counters.unknown, 2u);
  counters.unknown = 0;
  KernelCounters expected;
  expected.in_no_states = 2;
  EXPECT_EQ(counters, expected);
}

TEST(XfrmCounters, NothingIsNoCounters) {
  KernelCounters counters;
  counters.in_error = 1;
  EXPECT_TRUE(ParseKernelCounters("", &counters));
  EXPECT_EQ(counters, KernelCounters());
}

TEST(XfrmCounters, RefusesLinesOfAnotherForm) {
  for (const std::string& text :
       {std::string("XfrmInError"), std::string("XfrmInError "), std::string("XfrmInError x"),
        std::string("XfrmInError -1"), std::string("XfrmInError +1"), std::string("XfrmInError 1 "),
        std::string("XfrmInError 18446744073709551616"), std::string("XfrmInError 1\n\n"),
        std::string(" XfrmInError 1"), std::string("XfrmInError 1\nXfrmInNoStates"),
        std::string("XfrmInError\n1"), std::string("XfrmInError 1\r\n"), std::string("\n"),
        std::string("XfrmInError 1\0", 14)}) {
    KernelCounters counters;
    counters.in_error = 99;
    EXPECT_FALSE(ParseKernelCounters(text, &counters)) << text;
    EXPECT_EQ(counters.in_error, 99u) << "what was there stays";
  }
}

TEST(XfrmCounters, ReadsNothingBehindTheText) {
  const std::string text = "XfrmInError  \t 3\nXfrmInNoStates 12";
  for (size_t size = 0; size <= text.size(); ++size) {
    const std::unique_ptr<char[]> exact(new char[size]);  // The sanitizer sees what lies beyond.
    text.copy(exact.get(), size);
    KernelCounters counters;
    const bool is_good = ParseKernelCounters({exact.get(), size}, &counters);
    const bool ends_in_number = size == 0 || (size >= 16 && size <= 17) || size >= 33;
    EXPECT_EQ(is_good, ends_in_number) << size;
  }
}

}  // namespace
}  // namespace xfrm
