#include <gtest/gtest.h>

#include <string>

#include "edge/context.h"
#include "edge/limits.h"
#include "tests/edge_steps.h"
#include "tests/sip_fixture.h"

namespace edge {
namespace {

using gmedge_test::Parsed;
using gmedge_test::RequestWith;
using gmedge_test::WithCrlf;

class SendList final : public Actions {
 public:
  void Send(const Flow& to, std::span<const std::string_view> pieces) override {
    flows.push_back(to);
    std::string text;
    for (const std::string_view piece : pieces) text += piece;
    texts.push_back(text);
  }
  void Disconnect(const Flow&) override {}
  void Install(SetId, std::span<const xfrm::Sa>) override {}
  void Extend(SetId, std::span<const xfrm::Sa>, std::span<const xfrm::Sa>) override {}
  void Delete(SetId, const SaIds&, bool) override {}
  void Look(SetId, std::span<const xfrm::SaId>) override {}
  void Report(const Attempt&) override {}

  std::vector<Flow> flows;
  std::vector<std::string> texts;
};

constexpr PortIndex kGm4 = 0;
constexpr PortIndex kServer = 2;  // Gm ports of both families, then protected ones in pairs.
constexpr PortIndex kClient = 4;

class EdgeContext : public testing::Test {
 protected:
  // The response to a request with this Via, and where it went: "text" and flows_.
  std::string Respond(const std::string& via, std::string_view source,
                      const sip::ResponseHead& head = {.status = 403}, SaSet* set = nullptr) {
    const Parsed parsed(
        Replaced(RequestWith(""), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", via));
    return Answer(parsed.message, source, head, set);
  }
  std::string Answer(const sip::Message& message, std::string_view source,
                     const sip::ResponseHead& head, SaSet* set) {
    sip::Via top;
    EXPECT_EQ(sip::DecodeTopVia(message, &top), sip::ParseError::kOk);
    const PortIndex port = set != nullptr ? set->port_ps : kGm4;
    context_.Respond({message, top, {port, At(source)}, set}, head, &actions_);
    if (actions_.texts.empty()) return "nothing";
    const std::string text = actions_.texts.back();
    to_ = TextOf(actions_.flows.back().remote);
    from_ = actions_.flows.back().port;
    actions_.texts.clear();
    return text;
  }
  static SaSet* Prepared(SaSet* set) {
    set->agreement.ue = At("198.51.100.77:1");
    set->agreement.port_uc = 37001;
    set->agreement.port_us = 37002;
    set->port_ps = kServer;
    set->port_pc = kClient;
    return set;
  }

  Settings settings_ = StepSettings();
  xfrm::SpiPool spis_{{}};
  CountingRandom random_;
  Context context_{settings_, World::PortsOf(settings_), &spis_, &random_, 1000};
  SendList actions_;
  std::string to_;
  PortIndex from_ = 0;
};

TEST_F(EdgeContext, TheCorePortIsFoundAndNamedInChargingVectors) {
  EXPECT_EQ(context_.ports[context_.core_port].side, Side::kCore);
  EXPECT_EQ(context_.charging_tail, ";icid-generated-at=10.0.0.10;orig-ioi=ioi.example.org\r\n");
}

TEST_F(EdgeContext, AResponseHasWhatRfc3261Wants) {
  const std::string text = Respond("SIP/2.0/UDP 192.0.2.1:5062;branch=b", "192.0.2.1:9");
  const std::string tag = ParamOf(ValueOf(text, "To"), "tag");
  EXPECT_EQ(tag.size(), 16u);
  EXPECT_EQ(text,
            WithCrlf("SIP/2.0 403 Forbidden\n"
                     "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=b\n"
                     "From: <sip:a@example.net>;tag=1\n"
                     "To: <sip:b@example.net>;tag=" +
                     tag + "\nCall-ID: 1@example.net\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n"));
  EXPECT_EQ(to_, "192.0.2.1:5062");
  EXPECT_EQ(from_, kGm4);
  EXPECT_EQ(context_.stats.responses_made, 1u);
  EXPECT_EQ(context_.stats.sent, 1u);
}

TEST_F(EdgeContext, ARetransmissionGetsTheSameTag) {
  const std::string via = "SIP/2.0/UDP 192.0.2.1:5062;branch=b";
  EXPECT_EQ(Respond(via, "192.0.2.1:9"), Respond(via, "192.0.2.1:9"));
  EXPECT_NE(Respond(via, "192.0.2.1:9"), Respond(via + "c", "192.0.2.1:9"));
}

TEST_F(EdgeContext, ReceivedAndRportAreToldAndUsed) {  // RFC 3581 4.
  const std::string text = Respond("SIP/2.0/UDP 10.0.0.1;rport;branch=b", "192.0.2.1:9");
  EXPECT_EQ(ValueOf(text, "Via"), "SIP/2.0/UDP 10.0.0.1;rport=9;branch=b;received=192.0.2.1");
  EXPECT_EQ(to_, "192.0.2.1:9");
  const std::string without = Respond("SIP/2.0/UDP 10.0.0.1;branch=b", "192.0.2.1:9");
  EXPECT_EQ(ValueOf(without, "Via"), "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1");
  EXPECT_EQ(to_, "192.0.2.1:5060");
  const std::string v6 = Respond("SIP/2.0/UDP [2001:db8::9];branch=b", "[2001:db8::1]:9");
  EXPECT_EQ(ValueOf(v6, "Via"), "SIP/2.0/UDP [2001:db8::9];branch=b;received=2001:db8::1");
}

TEST_F(EdgeContext, OverASetItGoesFromPortPcToPortUs) {  // Spec sheet 2.1; pitfalls 24.
  SaSet set;
  const std::string text = Respond("SIP/2.0/UDP 198.51.100.77:37002;rport;branch=b",
                                   "198.51.100.77:37001", {.status = 403}, Prepared(&set));
  EXPECT_EQ(to_, "198.51.100.77:37002");
  EXPECT_EQ(from_, kClient);
  EXPECT_EQ(ParamOf(ValueOf(text, "Via"), "rport"), "37002");  // Never port_uc.
}

TEST_F(EdgeContext, FieldsStandBeforeTheEnd) {
  const std::string text = Respond("SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.1:9",
                                   {.status = 421, .requires_sec_agree = true});
  EXPECT_TRUE(text.ends_with("Require: sec-agree\r\nContent-Length: 0\r\n\r\n")) << text;
}

TEST_F(EdgeContext, AnAckIsNeverAnswered) {  // RFC 3261 17.1.1.3.
  const Parsed parsed(RequestWith("", "ACK"));
  EXPECT_EQ(Answer(parsed.message, "192.0.2.1:9", {.status = 403}, nullptr), "nothing");
  EXPECT_EQ(context_.stats.sent, 0u);
}

TEST_F(EdgeContext, ARequestThatCannotBeAnsweredIsCounted) {
  const Parsed parsed(Replaced(RequestWith(""), "Call-ID: 1@example.net\r\n", ""));
  EXPECT_EQ(Answer(parsed.message, "192.0.2.1:9", {.status = 400}, nullptr), "nothing");
  EXPECT_EQ(context_.stats.drop_malformed, 1u);
}

TEST_F(EdgeContext, AnAnswerThatDoesNotFitIsCountedAndNotCut) {
  std::string vias;
  for (int i = 0; i < 60; ++i) {
    vias += "Via: SIP/2.0/UDP 192.0.2.1;branch=" + std::string(400, 'b') + "\r\n";
  }
  const Parsed parsed(RequestWith(vias));
  ASSERT_EQ(parsed.error, sip::ParseError::kOk);
  EXPECT_EQ(Answer(parsed.message, "192.0.2.1:9", {.status = 403}, nullptr), "nothing");
  EXPECT_EQ(context_.stats.drop_malformed, 1u);
}

TEST_F(EdgeContext, OurAddressesAreOurs) {
  EXPECT_TRUE(context_.IsOurs("192.0.2.10", 5060));
  EXPECT_TRUE(context_.IsOurs("192.0.2.10", 0));  // A URI without a port.
  EXPECT_TRUE(context_.IsOurs("192.0.2.10", 6101));
  EXPECT_TRUE(context_.IsOurs("2001:db8:10::10", 6102));
  EXPECT_TRUE(context_.IsOurs("[2001:DB8:10:0::10]", 6102));
  EXPECT_TRUE(context_.IsOurs("10.0.0.10", 0));
  EXPECT_TRUE(context_.IsOurs("pcscf.example.org", 5060));
  EXPECT_TRUE(context_.IsOurs("PCSCF.Example.ORG", 0));
}

TEST_F(EdgeContext, OthersAreNot) {
  EXPECT_FALSE(context_.IsOurs("192.0.2.10", 6999));
  EXPECT_FALSE(context_.IsOurs("192.0.2.11", 5060));
  EXPECT_FALSE(context_.IsOurs("10.0.0.10", 6101));  // An address of the other side's port.
  EXPECT_FALSE(context_.IsOurs("pcscf.example.org", 5070));
  EXPECT_FALSE(context_.IsOurs("pcscf.example.org.evil.net", 5060));
  EXPECT_FALSE(context_.IsOurs("192.0.2.10.evil.net", 5060));
  EXPECT_FALSE(context_.IsOurs("", 0));
}

TEST_F(EdgeContext, AnEditThatFailsSendsNothing) {
  const Parsed parsed(RequestWith("Subject: x\r\n"));
  sip::Editor editor(parsed.message);
  const std::string long_text(sip::Editor::kTextMax + 1, 'x');
  editor.AppendLine({long_text});
  EXPECT_FALSE(context_.SendEdited({context_.core_port, At("10.0.0.20:5060")}, &editor, &actions_));
  EXPECT_TRUE(actions_.texts.empty());
  EXPECT_EQ(context_.stats.drop_edit, 1u);
  EXPECT_EQ(context_.stats.sent, 0u);
}

TEST_F(EdgeContext, AMessageOverADatagramIsNotSent) {
  const std::string head = RequestWith("Max-Forwards: 70\r\n");
  const Parsed parsed(head + std::string(kDatagramSizeMax - head.size(), 'b'));
  ASSERT_EQ(parsed.error, sip::ParseError::kOk);
  const Flow to{context_.core_port, At("10.0.0.20:5060")};
  sip::Editor as_it_is(parsed.message);
  EXPECT_TRUE(context_.SendEdited(to, &as_it_is, &actions_));
  sip::Editor one_more(parsed.message);
  one_more.AppendLine({"x"});
  EXPECT_FALSE(context_.SendEdited(to, &one_more, &actions_));
  EXPECT_EQ(actions_.texts.size(), 1u);
  EXPECT_EQ(context_.stats.drop_edit, 1u);
}

TEST_F(EdgeContext, ABindingIsForgottenWhenNothingHoldsIt) {
  Registrar& registrar = context_.registrar;
  const auto held = [&](auto prepare) {
    Binding* binding = registrar.AddBinding("alice", At("198.51.100.77"));
    prepare(binding);
    const SlotId id = binding->id;
    context_.ForgetIfIdle(id);
    const bool found = registrar.FindBinding(id) != nullptr;
    if (found) {  // Let go, and it is gone.
      registrar.Unregister(binding);
      binding->pending = 0;
      const auto sets = binding->sets;
      for (const SetId set : sets) registrar.RemoveSet(registrar.FindSet(set));
      context_.ForgetIfIdle(id);
      EXPECT_EQ(registrar.FindBinding(id), nullptr);
    }
    return found;
  };
  EXPECT_FALSE(held([](Binding*) {}));
  EXPECT_FALSE(held([&](Binding* binding) { context_.timers.Arm(&binding->timer, 9000); }));
  EXPECT_TRUE(held([](Binding* binding) { binding->pending = 1; }));
  EXPECT_TRUE(held([&](Binding* binding) { registrar.Register(binding, 9000); }));
  EXPECT_TRUE(held([&](Binding* binding) { registrar.AddSet(binding, {}, kServer, kClient); }));
  EXPECT_EQ(registrar.bindings().in_use(), 0u);
  EXPECT_EQ(context_.timers.armed_count(), 0u);
  context_.ForgetIfIdle(42);  // Nobody: nothing.
}

TEST_F(EdgeContext, WhatIsDerivedDependsOnPurposeAndTransaction) {
  const auto derive = [this](std::string_view purpose, const std::string& text) {
    const Parsed parsed(text);
    sip::Via via;
    EXPECT_EQ(sip::DecodeTopVia(parsed.message, &via), sip::ParseError::kOk);
    return context_.Derive(purpose, {parsed.message, via, {kGm4, At("192.0.2.1:9")}});
  };
  const std::string text = RequestWith("");
  const HexText tag = derive("tag", text);
  EXPECT_EQ(derive("tag", text), tag);
  EXPECT_NE(derive("icid", text), tag);
  EXPECT_NE(derive("tag", Replaced(text, "bK1", "bK2")), tag);
  EXPECT_NE(derive("tag", Replaced(text, "1@example", "2@example")), tag);
  EXPECT_NE(derive("tag", Replaced(text, "CSeq: 1", "CSeq: 2")), tag);
  EXPECT_EQ(derive("tag", Replaced(text, "To: <sip:b@", "To: <sip:c@")), tag);
}

}  // namespace
}  // namespace edge
