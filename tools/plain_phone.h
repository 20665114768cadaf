// What a phone says, as text, and what it learns from its 401: for tests and simulated runs.
#pragma once

#include <cstdint>
#include <string>

#include "tools/plain_sip.h"

namespace tools {

// One agreement as flows: over UDP requests come `client` → `server`, all to the phone goes
// `from` → `to` (TS 33.203 7.1).
struct PlainSet {
  std::string client;
  std::string server;
  std::string from;
  std::string to;
  std::string security_server;
};

struct PlainPhone {
  std::string imsi = "001010000000001";
  std::string address = "198.51.100.77";
  std::string pcscf = "192.0.2.10";
  uint16_t port_clear = 5060;
  // Of the set it offers.
  uint16_t port_uc = 37001;
  uint16_t port_us = 37002;
  uint32_t spi_uc = 2137441234;
  uint32_t spi_us = 2137441235;
  std::string algorithms = "alg=hmac-sha-1-96;ealg=aes-cbc";
  std::string mode = "trans";
  // Of the last 401.
  std::string nonce;
  PlainSet set;
  int cseq = 0;

  std::string Impi() const { return imsi + "@" + std::string(kPlainRealm); }
  std::string At(uint16_t port) const { return address + ":" + std::to_string(port); }
  std::string Clear() const { return At(port_clear); }
  std::string Gm() const { return pcscf + ":5060"; }

  // What a re-registration offers (TS 33.203 7.4: new SPIs, a new client port).
  void OfferAnew() {
    port_uc = static_cast<uint16_t>(port_uc + 10);
    spi_uc += 100;
    spi_us += 100;
  }
  std::string SecurityClient() const {
    return "Security-Client: ipsec-3gpp;" + algorithms + ";prot=esp;mod=" + mode +
           ";spi-c=" + std::to_string(spi_uc) + ";spi-s=" + std::to_string(spi_us) +
           ";port-c=" + std::to_string(port_uc) + ";port-s=" + std::to_string(port_us) + "\r\n";
  }
  // The next request in line; a REGISTER's own lines are `lines`.
  std::string Request(const std::string& method, const std::string& uri, uint16_t port,
                      const std::string& lines) {
    const std::string number = std::to_string(++cseq);
    const std::string self = "<sip:" + Impi() + ">";
    return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + At(port) + ";branch=z9hG4bK-" +
           imsi + "-" + number + "\r\nMax-Forwards: 70\r\nFrom: " + self +
           ";tag=ue\r\nTo: " + self + "\r\nCall-ID: call-" + imsi + "@" + address +
           "\r\nCSeq: " + number + " " + method + "\r\n" + lines + "Content-Length: 0\r\n\r\n";
  }
  std::string Register(uint16_t port, const std::string& credentials, const std::string& lines) {
    return Request("REGISTER", "sip:" + std::string(kPlainRealm), port,
                   "Contact: <sip:" + imsi + "@" + At(port) +
                       ">\r\nAuthorization: Digest username=\"" + Impi() + "\",realm=\"" +
                       std::string(kPlainRealm) + "\",uri=\"sip:" + std::string(kPlainRealm) +
                       "\"," + credentials + "\r\nExpires: 600000\r\nRequire: sec-agree\r\n" +
                       "Proxy-Require: sec-agree\r\nSupported: path, sec-agree\r\n" + lines);
  }
  // SM1.
  std::string Initial() {
    return Register(port_clear, "nonce=\"\",response=\"\"", SecurityClient());
  }
  // SM7, or any other REGISTER over a set: with the answer to the last challenge.
  std::string Protected() {
    return Register(port_us, "nonce=\"" + nonce + "\",response=\"f00d\"",
                    SecurityClient() + "Security-Verify: " + set.security_server + "\r\n");
  }
  void TakeChallenge(const std::string& challenge) {
    nonce = ParamOf(challenge, "nonce");
    const std::string server = ValueOf(challenge, "Security-Server");
    set = {At(port_uc), pcscf + ":" + ParamOf(server, "port-s"),
           pcscf + ":" + ParamOf(server, "port-c"), At(port_us), server};
  }
};

}  // namespace tools
