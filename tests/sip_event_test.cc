#include <gtest/gtest.h>

#include <string>

#include "sip/event.h"
#include "tests/guard_page.h"

namespace sip {
namespace {

// "package|templates|id|params", or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, '.');
  Event event;
  const ParseError error = DecodeEvent(guarded.text(), &event);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::string(event.package) + "|" + std::string(event.templates) + "|" +
         std::string(event.id) + "|" + std::string(event.params);
}

TEST(SipEvent, Good) {
  EXPECT_EQ(Decoded("reg"), "reg|||");
  EXPECT_EQ(Decoded("presence.winfo"), "presence|winfo||");
  EXPECT_EQ(Decoded("presence.winfo.winfo;id=1"), "presence|winfo.winfo|1|;id=1");
  EXPECT_EQ(Decoded(" refer ;\r\n ID = 93809824 ;x"), "refer||93809824|;\r\n ID = 93809824 ;x");
  EXPECT_EQ(Decoded("Reg"), "Reg|||");
}

TEST(SipEvent, Bad) {
  for (const char* text :
       {"", ";id=1", ".", ".reg", "reg.", "a..b", "a b", "\"reg\"", "reg;id",
        "reg;id=", "reg;id=1;id=1", "reg;;id=1", "reg,reg", "reg;", "reg;id=\"1"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

// "phase|text|expires|retry-after|reason", or the error's name.
std::string State(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, '1');
  SubscriptionState state;
  const ParseError error = DecodeSubscriptionState(guarded.text(), &state);
  if (error != ParseError::kOk) return std::string(Name(error));
  const auto number = [](std::optional<uint32_t> value_or) {
    return value_or.has_value() ? std::to_string(*value_or) : std::string("-");
  };
  return std::string(Name(state.phase)) + "|" + std::string(state.phase_text) + "|" +
         number(state.expires) + "|" + number(state.retry_after) + "|" + std::string(state.reason);
}

TEST(SipSubscriptionState, Good) {
  EXPECT_EQ(State("active;expires=7200"), "active|active|7200|-|");
  EXPECT_EQ(State("Pending"), "pending|Pending|-|-|");
  EXPECT_EQ(State("terminated ; reason = probation;retry-after=0;x=y"),
            "terminated|terminated|-|0|probation");
  EXPECT_EQ(State("waiting;expires=4294967295"), "|waiting|4294967295|-|");
}

TEST(SipSubscriptionState, Bad) {
  for (const char* text :
       {"", ";expires=1", "a b", "active;expires", "active;expires=", "active;expires=x",
        "active;expires=-1", "active;expires=4294967296", "active;expires=1;expires=1",
        "active;retry-after=x", "active;reason", "active;;x", "active,active"}) {
    EXPECT_EQ(State(text), "BadHeaderValue") << text;
  }
}

}  // namespace
}  // namespace sip
