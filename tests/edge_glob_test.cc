#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "edge/glob.h"

namespace edge {
namespace {

bool Matches(std::string_view glob, std::string_view text) {
  const std::optional<Glob> parsed = Glob::Parse(glob);
  EXPECT_TRUE(parsed) << glob;
  return parsed && parsed->Matches(text);
}

// What a glob means, written so that nobody need believe a trick: it backtracks.
bool MatchesSlowly(std::string_view glob, std::string_view text) {
  if (glob.empty()) return text.empty();
  if (glob[0] == '*') {
    return MatchesSlowly(glob.substr(1), text) ||
           (!text.empty() && MatchesSlowly(glob, text.substr(1)));
  }
  if (text.empty() || (glob[0] != '?' && (glob[0] | 0x20) != (text[0] | 0x20))) return false;
  return MatchesSlowly(glob.substr(1), text.substr(1));
}

TEST(Glob, AStarIsAnyTextAndAQuestionMarkOneCharacter) {
  EXPECT_TRUE(Matches("Phone/*", "Phone/1.0"));
  EXPECT_TRUE(Matches("Phone/*", "Phone/"));
  EXPECT_FALSE(Matches("Phone/*", "A Phone/1.0"));
  EXPECT_TRUE(Matches("*/1.?", "Phone/1.0"));
  EXPECT_FALSE(Matches("*/1.?", "Phone/1."));
  EXPECT_TRUE(Matches("*", ""));
  EXPECT_FALSE(Matches("?", ""));
  EXPECT_TRUE(Matches("?", "\xff"));
}

TEST(Glob, WithoutThemItIsTheWholeText) {
  EXPECT_TRUE(Matches("ims.example", "ims.example"));
  EXPECT_FALSE(Matches("ims.example", "ims.example.org"));
  EXPECT_FALSE(Matches("ims.example", "an.ims.example"));
  EXPECT_TRUE(Matches("", ""));
  EXPECT_FALSE(Matches("", "a"));
}

TEST(Glob, CaseDoesNotCount) {
  EXPECT_TRUE(Matches("IMS.Example", "ims.eXAMPLE"));
  EXPECT_FALSE(Matches("[", "{"));  // They differ as upper and lower case do.
  EXPECT_FALSE(Matches("@", "`"));
}

TEST(Glob, AllShortOnesMeanWhatTheSlowReadingSays) {
  constexpr std::string_view kGlobLetters = "ab?*";
  constexpr std::string_view kTextLetters = "abB";
  for (int g = 0; g < 4 * 4 * 4 * 4 * 4; ++g) {
    std::string glob;
    for (int rest = g, i = 0; i < 5; rest /= 4, ++i)
      glob += kGlobLetters[static_cast<size_t>(rest % 4)];
    for (int t = 0; t < 3 * 3 * 3 * 3 * 3; ++t) {
      std::string text;
      for (int rest = t, i = 0; i < 5; rest /= 3, ++i)
        text += kTextLetters[static_cast<size_t>(rest % 3)];
      for (size_t size = 0; size <= text.size(); ++size) {
        const std::string part = text.substr(0, size);
        ASSERT_EQ(Matches(glob, part), MatchesSlowly(glob, part)) << glob << " " << part;
      }
    }
  }
}

TEST(Glob, HoldsSoManyCharactersAndNotOneMore) {
  const std::string most(kGlobSizeMax, 'x');
  EXPECT_TRUE(Matches("*" + most + "*", "a" + most + "b"));
  EXPECT_FALSE(Matches(most, most.substr(1)));
  EXPECT_FALSE(Glob::Parse(most + "x"));
  EXPECT_FALSE(Glob::Parse(most + "*?"));
}

// Thirty stars over a text that nearly matches is more than any backtracking would live through:
// the time is that of one pass, whatever the glob. Compared with a glob of one star, by the best of
// several runs, since the machine may be busy.
TEST(Glob, TheTimeIsThatOfTheTextAlone) {
  std::string many;
  for (int i = 0; i < 30; ++i) many += "*a";
  many += "*b";
  const std::string text(1 << 18, 'a');
  const auto time_of = [&](const std::string& glob) {
    const std::optional<Glob> parsed = Glob::Parse(glob);
    auto best = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 7; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_FALSE(parsed->Matches(text));
      best = std::min(best, std::chrono::steady_clock::now() - begin);
    }
    return best;
  };
  const auto one = time_of("*ab");
  EXPECT_LT(time_of(many), 10 * one);
}

}  // namespace
}  // namespace edge
