#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <utility>

#include "sip/header_id.h"

namespace sip {
namespace {

TEST(SipHeaderId, FindsEveryNameInAnyCase) {
  for (int i = 1; i < kHeaderIdCount; ++i) {
    const HeaderId id = static_cast<HeaderId>(i);
    std::string name(Name(id));
    EXPECT_EQ(LookUpHeader(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(LookUpHeader(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(LookUpHeader(name), id) << name;
  }
}

TEST(SipHeaderId, OneWrongCharacterIsAnotherHeader) {
  for (int i = 1; i < kHeaderIdCount; ++i) {
    const std::string name(Name(static_cast<HeaderId>(i)));
    for (size_t at = 0; at < name.size(); ++at) {
      for (const char wrong : {'~', '\r', '\0', '@'}) {
        std::string other = name;
        other[at] = wrong;
        EXPECT_EQ(LookUpHeader(other), HeaderId::kOther) << other;
      }
    }
    EXPECT_EQ(LookUpHeader(name + "s"), HeaderId::kOther);
    // "o" of "To" is the compact form of Event.
    if (name.size() > 2) {
      EXPECT_EQ(LookUpHeader(name.substr(1)), HeaderId::kOther) << name;
    }
  }
}

TEST(SipHeaderId, KnowsTheCompactForms) {
  const std::pair<char, HeaderId> forms[] = {
      {'c', HeaderId::kContentType},
      {'e', HeaderId::kContentEncoding},
      {'f', HeaderId::kFrom},
      {'i', HeaderId::kCallId},
      {'k', HeaderId::kSupported},
      {'l', HeaderId::kContentLength},
      {'m', HeaderId::kContact},
      {'o', HeaderId::kEvent},
      {'r', HeaderId::kReferTo},
      {'s', HeaderId::kSubject},
      {'t', HeaderId::kTo},
      {'v', HeaderId::kVia},
      {'a', HeaderId::kAcceptContact},
      {'b', HeaderId::kReferredBy},
      {'d', HeaderId::kRequestDisposition},
      {'j', HeaderId::kRejectContact},
      {'u', HeaderId::kAllowEvents},
      {'x', HeaderId::kSessionExpires},
  };
  size_t known = 0;
  for (int c = 0; c < 256; ++c) {
    const char lower = static_cast<char>(std::tolower(c));
    HeaderId expected = HeaderId::kOther;
    for (const auto& [form, id] : forms) {
      if (form == lower) expected = id;
    }
    const char text = static_cast<char>(c);
    EXPECT_EQ(LookUpHeader(std::string(1, text)), expected) << c;
    known += expected != HeaderId::kOther ? 1 : 0;
  }
  EXPECT_EQ(known, 2 * std::size(forms));
}

TEST(SipHeaderId, UnknownNamesAreOther) {
  for (const char* name : {"", "XX", "Allow-Event", "Security", "Acceptx", "P-Early-Mediae",
                           "Call\rID", "Call-ID:", "@ccept"}) {
    EXPECT_EQ(LookUpHeader(name), HeaderId::kOther) << name;
  }
  EXPECT_EQ(LookUpHeader(std::string(70000, 'a')), HeaderId::kOther);
  EXPECT_EQ(Name(HeaderId::kOther), "");
}

}  // namespace
}  // namespace sip
