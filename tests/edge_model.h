// Phones and a network between them and the edge, all of them unreliable: what a random
// walk is made of. Whatever is sent waits in flight until chance delivers, repeats or loses it.
#pragma once

#include <cstdint>
#include <string>

#include "tests/edge_steps.h"
#include "tools/sim_chance.h"
#include "tools/sim_core.h"

namespace edge {

struct InFlight {
  std::string from;
  std::string to;
  std::string text;
};

using tools::Chance;
using ModelCore = tools::SimCore;

// Acts as its subscriber likes, and answers challenges.
class ModelPhone {
 public:
  ModelPhone(int number, Chance* chance) : chance_(*chance) {
    phone_.imsi = std::to_string(1'010'000'000'000 + number);
    // Two behind each address; of every fourth pair both have the same ports.
    phone_.address = "198.51.100." + std::to_string(10 + number / 2);
    const int offset = number / 2 % 4 == 0 ? 0 : number % 2 * 100;
    phone_.port_uc = static_cast<uint16_t>(37001 + offset);
    phone_.port_us = static_cast<uint16_t>(37002 + offset);
    phone_.spi_uc = 400'000 + static_cast<uint32_t>(number) * 10'000;
    phone_.spi_us = phone_.spi_uc + 1;
    phone_.set = {phone_.At(phone_.port_uc), "192.0.2.10:6101", "192.0.2.10:6102",
                  phone_.At(phone_.port_us), "ipsec-3gpp"};
  }

  InFlight Act() {
    const uint64_t what = chance_.Below(16);
    if (what < 3) return Clear(phone_.Initial());
    if (what == 3) OfferAnew();
    if (what < 7) return Tunnel(phone_.Protected());
    if (what == 7) {
      return Tunnel(Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0"));
    }
    if (what == 8) return Tunnel(Failure());
    if (what == 9) return Clear(phone_.Register(5060, Credentials(), phone_.SecurityClient()));
    if (what == 10) {
      return Tunnel(Replaced(phone_.Protected(), "Security-Verify: ", "Security-Verify: x"));
    }
    if (what == 11) return Clear(phone_.Request("INVITE", "sip:b@x", 5060, ""));
    return Tunnel(phone_.Request(what < 14 ? "MESSAGE" : "INVITE", "sip:b@x", phone_.port_us, ""));
  }
  // What it says to what it hears, or nothing.
  InFlight Hear(const InFlight& heard) {
    if (heard.text.starts_with("SIP/2.0 401") && !LinesOf(heard.text, "Security-Server").empty()) {
      phone_.TakeChallenge(heard.text);
      if (chance_.Percent(85)) return Tunnel(phone_.Protected());
    }
    if (!heard.text.starts_with("SIP/2.0")) return Tunnel(Answer(heard.text, 200));
    return {};
  }
  bool IsAt(const std::string& address) const { return address.starts_with(phone_.address + ":"); }

 private:
  void OfferAnew() {
    phone_.spi_uc += 2;
    phone_.spi_us += 2;
    phone_.port_uc = static_cast<uint16_t>(37001 + (phone_.port_uc - 37001 + 10) % 200);
    if (phone_.port_uc == phone_.port_us) ++phone_.port_uc;
  }
  std::string Credentials() {
    return "nonce=\"" + phone_.nonce + "\"," +
           (chance_.Percent(50) ? "response=\"\""
                                : "response=\"f0\",auts=\"uoU/PBIctV7bggBAq0E=\"");
  }
  std::string Failure() {
    return phone_.Register(
        phone_.port_us, Credentials(),
        phone_.SecurityClient() + "Security-Verify: " + phone_.set.security_server + "\r\n");
  }
  InFlight Clear(const std::string& text) { return {phone_.Clear(), phone_.Gm(), text}; }
  InFlight Tunnel(const std::string& text) { return {phone_.set.client, phone_.set.server, text}; }

  Chance& chance_;
  TestPhone phone_;
};

}  // namespace edge
