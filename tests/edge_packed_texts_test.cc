#include <gtest/gtest.h>

#include "edge/packed_texts.h"

namespace edge {
namespace {

TEST(EdgePackedTexts, AreEmptyAtFirst) {
  const PackedTexts<2> texts;
  EXPECT_EQ(texts[0], "");
  EXPECT_EQ(texts[1], "");
}

TEST(EdgePackedTexts, KeepEachApart) {
  PackedTexts<3> texts;
  texts.Assign({"one", "", "three"});
  EXPECT_EQ(texts[0], "one");
  EXPECT_EQ(texts[1], "");
  EXPECT_EQ(texts[2], "three");
}

TEST(EdgePackedTexts, SomeMayStayWhileOthersChange) {
  PackedTexts<2> texts;
  const std::string first(100, 'a');
  const std::string second(200, 'b');
  texts.Assign({first, "x"});
  texts.Assign({texts[0], second});
  EXPECT_EQ(texts[0], first);
  EXPECT_EQ(texts[1], second);
}

TEST(EdgePackedTexts, TakeWhatTheyMay) {
  PackedTexts<2> texts;
  const std::string most(PackedTexts<2>::kSizeMax - 1, 'a');
  texts.Assign({most, "b"});
  EXPECT_EQ(texts[0], most);
  EXPECT_EQ(texts[1], "b");
}

}  // namespace
}  // namespace edge
