// A phone played by hand: the texts it sends, and what it learns from the 401.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/edge_world.h"

namespace edge {

inline constexpr std::string_view kIk = "f769bcd751044604127672711c6d3441";  // Milenage set 1.
inline constexpr std::string_view kCk = "b40ba9a3c58b2a05bbf0d987b21bf8cb";
inline constexpr std::string_view kRealm = "ims.mnc001.mcc001.3gppnetwork.org";

// All lines of that name, as written in these tests.
inline std::string LinesOf(const std::string& message, const std::string& name) {
  std::string lines;
  const std::string begin = "\r\n" + name + ": ";
  for (size_t at = 0; (at = message.find(begin, at)) != std::string::npos; at += 2) {
    lines += message.substr(at + 2, message.find("\r\n", at + 2) - at);
  }
  return lines;
}

// The value of the first; "" when there is none.
inline std::string ValueOf(const std::string& message, const std::string& name) {
  const std::string lines = LinesOf(message, name);
  if (lines.empty()) return {};
  return lines.substr(name.size() + 2, lines.find("\r\n") - name.size() - 2);
}

// What follows `name=` up to a separator, without quotes; "" when there is none.
inline std::string ParamOf(const std::string& text, const std::string& name) {
  const size_t at = text.find(name + "=");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 1 + (text[at + name.size() + 1] == '"' ? 1 : 0);
  return text.substr(begin, text.find_first_of("\",;\r", begin) - begin);
}

// REQUIRES: `from` is there, so that a test cannot lose its point.
inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) {
    std::fprintf(stderr, "\"%s\" is not in:\n%s", from.c_str(), text.c_str());
    abort();
  }
  return text.replace(at, from.size(), to);
}

inline int StatusOf(const std::string& message) {
  return message.starts_with("SIP/2.0 ") ? std::atoi(message.c_str() + 8) : 0;
}

// A response as the other side of a request writes it. `lines`: more headers.
inline std::string Answer(const std::string& request, int status, const std::string& lines = "") {
  return "SIP/2.0 " + std::to_string(status) + " Text\r\n" + LinesOf(request, "Via") +
         LinesOf(request, "From") + "To: " + ValueOf(request, "To") + ";tag=core\r\n" +
         LinesOf(request, "Call-ID") + LinesOf(request, "CSeq") + lines +
         "Content-Length: 0\r\n\r\n";
}

inline std::string ChallengeLine(const std::string& nonce) {
  return "WWW-Authenticate: Digest realm=\"" + std::string(kRealm) + "\",nonce=\"" + nonce +
         "\",algorithm=AKAv1-MD5,qop=\"auth\",ck=\"" + std::string(kCk) + "\",ik=\"" +
         std::string(kIk) + "\"\r\n";
}

// One agreement as flows: over UDP requests come `client` → `server`, all to the phone goes
// `from` → `to` (TS 33.203 7.1).
struct TestSet {
  std::string client;
  std::string server;
  std::string from;
  std::string to;
  std::string security_server;
};

struct TestPhone {
  std::string imsi = "001010000000001";
  std::string address = "198.51.100.77";
  std::string pcscf = "192.0.2.10";
  // Of the set it offers.
  uint16_t port_uc = 37001;
  uint16_t port_us = 37002;
  uint32_t spi_uc = 2137441234;
  uint32_t spi_us = 2137441235;
  std::string algorithms = "alg=hmac-sha-1-96;ealg=aes-cbc";
  std::string mode = "trans";
  // Of the last 401.
  std::string nonce;
  TestSet set;
  int cseq = 0;

  std::string Impi() const { return imsi + "@" + std::string(kRealm); }
  std::string At(uint16_t port) const { return address + ":" + std::to_string(port); }
  std::string Clear() const { return At(5060); }
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
    return Request("REGISTER", "sip:" + std::string(kRealm), port,
                   "Contact: <sip:" + imsi + "@" + At(port) +
                       ">\r\nAuthorization: Digest username=\"" + Impi() + "\",realm=\"" +
                       std::string(kRealm) + "\",uri=\"sip:" + std::string(kRealm) + "\"," +
                       credentials + "\r\nExpires: 600000\r\nRequire: sec-agree\r\n" +
                       "Proxy-Require: sec-agree\r\nSupported: path, sec-agree\r\n" + lines);
  }
  // SM1.
  std::string Initial() { return Register(5060, "nonce=\"\",response=\"\"", SecurityClient()); }
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

}  // namespace edge
