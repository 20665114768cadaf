// The steps of a registration as a fixture: a phone and a core played by hand, the edge between.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/edge_phone.h"

namespace edge {

inline constexpr std::string_view kCore = "10.0.0.10:5060";
inline constexpr std::string_view kIcscf = "10.0.0.20:5060";

// `protected_ports`: how many, from 6101 on.
inline Settings StepSettings(int protected_ports = 3) {
  Settings settings;
  settings.gm.listen = {At("192.0.2.10:5060"), At("[2001:db8:10::10]:5060")};
  for (int i = 0; i < protected_ports; ++i) {
    settings.ipsec.sockets.push_back(At("192.0.2.10:" + std::to_string(6101 + i)));
    settings.ipsec.sockets.push_back(At("[2001:db8:10::10]:" + std::to_string(6101 + i)));
  }
  settings.core.listen = At(kCore);
  settings.core.next_hops = {At(kIcscf)};
  settings.core.host = "pcscf.example.org";
  settings.core.reg_event = false;  // SUBSCRIBEs have tests of their own.
  settings.core.visited_network_id = "visited.example.org";
  settings.core.orig_ioi = "ioi.example.org";
  return settings;
}

class EdgeSteps : public testing::Test {
 protected:
  EdgeSteps() : EdgeSteps(StepSettings()) {}
  explicit EdgeSteps(const Settings& settings, uint32_t min_spi = 65536, uint32_t max_spi = 262144)
      : world_(settings, min_spi, max_spi) {}

  // One message in, the first that leaves out (none: its text is "").
  Sent Deliver(const std::string& from, const std::string& to, const std::string& text) {
    world_.Deliver(from, to, text);
    return world_.Pop();
  }
  // SM1 in clear; what the core gets of it.
  std::string Initial(TestPhone* phone) {
    return Deliver(phone->Clear(), phone->Gm(), phone->Initial()).text;
  }
  // The core's answer to what it got; what the phone gets.
  Sent FromCore(const std::string& forwarded, int status, const std::string& lines = "") {
    return Deliver(std::string(kIcscf), std::string(kCore), Answer(forwarded, status, lines));
  }
  // The core's 401, which the phone learns.
  Sent Challenge(TestPhone* phone, const std::string& forwarded, const std::string& nonce) {
    const Sent sent = FromCore(forwarded, 401, ChallengeLine(nonce));
    if (StatusOf(sent.text) == 401) phone->TakeChallenge(sent.text);
    return sent;
  }
  std::string OnSet(const TestSet& set, const std::string& text) {
    return Deliver(set.client, set.server, text).text;
  }
  // The core's 200 for `seconds`.
  Sent Accept(const std::string& forwarded, int seconds = 3600) {
    return FromCore(forwarded, 200,
                    LinesOf(forwarded, "Contact") + "Expires: " + std::to_string(seconds) +
                        "\r\nService-Route: <sip:orig@10.0.0.30:6060;lr>\r\n");
  }
  void Register(TestPhone* phone) {
    ASSERT_EQ(StatusOf(Challenge(phone, Initial(phone), "nonce-" + phone->imsi).text), 401);
    ASSERT_EQ(StatusOf(Accept(OnSet(phone->set, phone->Protected())).text), 200);
  }
  // A challenge of a registered phone up to its 401. Returns the set it was asked for on.
  TestSet BeginAgain(TestPhone* phone, const std::string& nonce) {
    const TestSet old = phone->set;
    phone->OfferAnew();
    const Sent sent = Challenge(phone, OnSet(old, phone->Protected()), nonce);
    EXPECT_EQ(StatusOf(sent.text), 401) << sent.text;
    return old;
  }

  // The states of all sets, in alphabetical order: "Current Old".
  std::string States() {
    std::vector<std::string> names;
    world_.core().registrar().sets().ForEach(
        [&](const SaSet* set) { names.emplace_back(Name(set->state)); });
    std::sort(names.begin(), names.end());
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
  }
  size_t Sas() { return world_.kernel().sa_count(); }
  const Stats& stats() { return world_.core().stats(); }
  size_t Registered() { return world_.core().registrar().registered(); }
  // Nothing of ours is left anywhere: no SA, no set, no SPI.
  void ExpectNothingIsLeft() {
    EXPECT_EQ(Sas(), 0u);
    EXPECT_EQ(States(), "");
    world_.Advance(40'000);                               // Quarantines and finished transactions.
    EXPECT_TRUE(world_.spis().Acquire(world_.now_ms()));  // Collects.
    EXPECT_EQ(world_.spis().counts().used, 1u);           // That one.
    EXPECT_EQ(world_.spis().counts().quarantined, 0u);
    EXPECT_EQ(world_.core().transactions(), 0u);
    EXPECT_EQ(world_.core().registrar().bindings().in_use(), 0u);
  }

  World world_;
};

}  // namespace edge
