#include <gtest/gtest.h>

#include <string>

#include "sip/capability.h"
#include "sip/list.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;

constexpr int kMethodCount = static_cast<int>(Method::kUpdate) + 1;
constexpr int kOptionCount = static_cast<int>(Option::kTimer) + 1;

// The names in the set, "?" for kOther, or the error's name.
std::string Methods(std::string_view lines) {
  const Parsed parsed(RequestWith(lines));
  MethodSet methods;
  const ParseError error = DecodeMethods(parsed.message, HeaderId::kAllow, &methods);
  if (error != ParseError::kOk) return std::string(Name(error));
  std::string text = methods.Has(Method::kOther) ? "?" : "";
  for (int i = 1; i < kMethodCount; ++i) {
    const Method method = static_cast<Method>(i);
    if (methods.Has(method)) text += " " + std::string(Name(method));
  }
  EXPECT_EQ(methods.empty(), text.empty());
  return text;
}

std::string Options(std::string_view lines, HeaderId id = HeaderId::kSupported) {
  const Parsed parsed(RequestWith(lines));
  OptionSet options;
  const ParseError error = DecodeOptions(parsed.message, id, &options);
  if (error != ParseError::kOk) return std::string(Name(error));
  std::string text = options.Has(Option::kOther) ? "?" : "";
  for (int i = 1; i < kOptionCount; ++i) {
    const Option option = static_cast<Option>(i);
    if (options.Has(option)) text += " " + std::string(Name(option));
  }
  return text;
}

TEST(SipCapability, Methods) {
  EXPECT_EQ(Methods(""), "");
  EXPECT_EQ(Methods("Allow:\r\n"), "");
  EXPECT_EQ(Methods("Allow: INVITE,ACK , BYE\r\nallow:\r\n UPDATE,,INVITE,\r\n"),
            " ACK BYE INVITE UPDATE");
  EXPECT_EQ(Methods("Allow: invite, PUBLISH, X-NEW\r\n"), "? PUBLISH");
  EXPECT_EQ(Methods("Allow: INVITE ACK\r\n"), "BadHeaderValue");
  EXPECT_EQ(Methods("Allow: \"INVITE\"\r\n"), "BadHeaderValue");
  EXPECT_EQ(Methods("Allow: INVITE;q=1\r\n"), "BadHeaderValue");
}

TEST(SipCapability, MethodsOfAPhone) {
  const Parsed parsed(gmedge_test::ReadData("messages/c-invite.sip"));
  MethodSet methods;
  ASSERT_EQ(DecodeMethods(parsed.message, HeaderId::kAllow, &methods), ParseError::kOk);
  EXPECT_TRUE(methods.Has(Method::kPrack) && methods.Has(Method::kRefer));
  EXPECT_FALSE(methods.Has(Method::kPublish) || methods.Has(Method::kOther));
}

TEST(SipCapability, Options) {
  EXPECT_EQ(Options("k: 100rel, Sec-Agree,timer\r\nSupported: gruu\r\n"),
            " 100rel gruu sec-agree timer");
  EXPECT_EQ(Options("Supported: path, path2, sec\r\n"), "? path");
  EXPECT_EQ(Options("Unsupported: foo\r\n", HeaderId::kUnsupported), "?");
  EXPECT_EQ(Options("Require: sec-agree\r\n", HeaderId::kSupported), "");
  EXPECT_EQ(Options("Supported: a b\r\n"), "BadHeaderValue");
  EXPECT_EQ(Options("Supported: <path>\r\n"), "BadHeaderValue");
}

TEST(SipCapability, EveryOptionHasItsName) {
  for (int i = 1; i < kOptionCount; ++i) {
    const Option option = static_cast<Option>(i);
    EXPECT_NE(Name(option), "");
    EXPECT_EQ(LookUpOption(Name(option)), option);
  }
  EXPECT_EQ(Name(Option::kOther), "");
  EXPECT_EQ(LookUpOption(""), Option::kOther);
  EXPECT_EQ(LookUpOption("timers"), Option::kOther);
}

TEST(SipCapability, UnknownOnesAreWalked) {
  const Parsed parsed(RequestWith("Require: foo, sec-agree\r\nRequire: bar\r\n"));
  std::string unknown;
  ListReader reader(parsed.message, HeaderId::kRequire);
  for (ListMember member; reader.Next(&member);) {
    if (LookUpOption(member.text) == Option::kOther) unknown += std::string(member.text) + " ";
  }
  EXPECT_EQ(unknown, "foo bar ");
}

}  // namespace
}  // namespace sip
