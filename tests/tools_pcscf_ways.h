// What the P-CSCF double remembers: its addresses, the agreements it offered, and the way back of
// each request.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "sip/message.h"
#include "sip/security.h"
#include "sip/via.h"
#include "tests/tools_texts.h"
#include "tools/outbox.h"
#include "tools/respond.h"

namespace tools {

// What it does wrong when a test asks for it.
struct PcscfFaults {
  bool leak_keys = false;
  bool leak_charging = false;
  bool wrong_via = false;       // Terminating requests name port_pc in Via.
  std::string security_server;  // In place of the right one.
  int refuse_status = 0;        // Protected REGISTERs are answered so at once.
  int drop_responses = 0;       // So many to phones are lost.
  bool drop_requests = false;   // Of the core, to phones.
  bool hide_wishes = false;     // Of a phone for a challenge.
};

// The client end of the set that a REGISTER offers, or "".
inline std::string OfferOf(const sip::Message& message, reactor::Endpoint phone) {
  sip::SecurityList client;
  EXPECT_EQ(sip::DecodeSecurity(message, sip::HeaderId::kSecurityClient, &client),
            sip::ParseError::kOk);
  if (client.empty()) return "";
  phone.set_port(client.mechanisms()[0].port_c);
  return Text(phone);
}

struct PcscfWays {
  static reactor::Endpoint CoreSide() { return At("10.0.0.10:5060"); }
  static reactor::Endpoint Core() { return At("10.0.0.20:5060"); }
  static reactor::Endpoint Gm() { return At("192.0.2.10:5060"); }
  static reactor::Endpoint GmPort(uint16_t port) {
    reactor::Endpoint gm = Gm();
    gm.set_port(port);
    return gm;
  }
  static constexpr uint16_t kPortPs = 6101;
  // Where the answer to a request goes, by the branch of our Via.
  struct Way {
    reactor::Endpoint local;
    reactor::Endpoint phone;
    std::string offer = "";  // Of a REGISTER: the client end of the set it offers.
  };

  // The phone's end of a protected flow: its sent-by, from port_pc.
  Way WayBack(const sip::Message& message, const Outbox::Datagram& datagram) const {
    if (datagram.peer.port() == Gm().port()) return {datagram.peer, datagram.local};
    sip::Via via;
    EXPECT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
    reactor::Endpoint phone = datagram.local;
    phone.set_port(via.port);
    return {GmPort(wrong_source ? kPortPs : port_pc.at(Text(datagram.local))), phone};
  }
  // Of the same request the same, retransmissions included.
  std::string OurVia(const sip::Message& message, const Way& way) {
    sip::Via via;
    EXPECT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
    const std::string branch = fmt::format("z9hG4bKp{}", via.branch);
    ways[branch] = way;
    return fmt::format("Via: SIP/2.0/UDP {};branch={}\r\n", Text(CoreSide()), branch);
  }

  // Two entries, so that the phone has something to choose from and to mirror.
  std::string SecurityServer() {
    const uint32_t spi = 70000 + 2 * ++sets;
    const std::string rest =
        fmt::format(";prot=esp;mod=trans;spi-c={};spi-s={};port-c={};port-s={}", spi, spi + 1,
                    PortPc(), kPortPs);
    return "ipsec-3gpp;q=0.9;" + algorithms + rest +
           ", ipsec-3gpp;q=0.8;alg=hmac-md5-96;ealg=null" + rest;
  }

  // Of the set offered last.
  uint16_t PortPc() const { return static_cast<uint16_t>(6102 + sets % 2); }

  // Wrong on purpose: protected responses leave port_ps.
  bool wrong_source = false;
  // Of the first mechanism offered.
  std::string algorithms = "alg=hmac-sha-1-96;ealg=aes-cbc";

  std::map<std::string, Way> ways;
  std::map<std::string, uint16_t> port_pc;     // Of a set, by its client end...
  std::map<std::string, uint16_t> current_pc;  // ...and in use, by the phone's address.
  uint32_t branches = 0;
  uint32_t sets = 0;  // Agreements offered.
};

}  // namespace tools
