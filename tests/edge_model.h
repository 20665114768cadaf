// Phones, a core and a network between them and the edge, all of them unreliable: what a random
// walk is made of. Whatever is sent waits in flight until chance delivers, repeats or loses it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/edge_steps.h"

namespace edge {

struct InFlight {
  std::string from;
  std::string to;
  std::string text;
};

class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t count) { return engine_() % count; }
  bool Percent(uint64_t percent) { return Below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

// The subscriber's other side: challenges, accepts, refuses or is silent, as it comes.
class ModelCore {
 public:
  explicit ModelCore(Chance* chance) : chance_(*chance) {}

  // What the edge sent. What the core answers, or nothing.
  std::string Hear(const std::string& text) {
    if (text.starts_with("REGISTER ")) return OnRegister(text);
    if (text.starts_with("SUBSCRIBE ") && LinesOf(text, "Path").empty()) return OnSubscribe(text);
    if (text.starts_with("SIP/2.0 ")) return "";
    return chance_.Percent(90) ? Answer(text, 200) : "";
  }
  // A request for one of the phones, or "".
  std::string CallPhone() {
    if (paths_.empty()) return "";
    const std::string& path = paths_[chance_.Below(paths_.size())];
    const std::string number = std::to_string(++number_);
    return "MESSAGE sip:a@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-mt" + number +
           "\r\nMax-Forwards: 70\r\nRoute: " + path.substr(0, path.find('>') + 1) +
           "\r\nFrom: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt" + number +
           "\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
  }
  // It ends a registration, or says what everybody knows; "" without a subscription.
  std::string TellPhone() {
    if (subscribes_.empty()) return "";
    const std::string& subscribe = subscribes_[chance_.Below(subscribes_.size())];
    const std::string aor = subscribe.substr(10, subscribe.find(' ', 10) - 10);
    const bool ends = chance_.Percent(30);
    const std::string body = "<reginfo version=\"" + std::to_string(chance_.Below(6)) +
                             "\" state=\"" + (chance_.Percent(80) ? "full" : "partial") +
                             "\"><registration aor=\"" + aor + "\" id=\"r\" state=\"" +
                             (ends ? "terminated" : "active") + "\"/></reginfo>";
    const std::string number = std::to_string(++number_);
    return "NOTIFY sip:10.0.0.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-n" +
           number + "\r\nMax-Forwards: 70\r\nFrom: <" + aor +
           ">;tag=core\r\nTo: " + ValueOf(subscribe, "From") + "\r\n" +
           LinesOf(subscribe, "Call-ID") + "CSeq: " + number +
           " NOTIFY\r\nContact: <sip:10.0.0.30:6060>\r\nEvent: reg\r\nSubscription-State: " +
           (ends || chance_.Percent(10) ? "terminated;reason=noresource" : "active") +
           "\r\nContent-Type: application/reginfo+xml\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }

 private:
  std::string OnRegister(const std::string& text) {
    Keep(ValueOf(text, "Path"), &paths_);
    if (chance_.Percent(4)) return "";
    if (chance_.Percent(4)) return Answer(text, chance_.Percent(50) ? 403 : 500);
    const bool is_yes = ParamOf(text, "integrity-protected") == "yes";
    if (!is_yes || chance_.Percent(25)) return Answer(text, 401, ChallengeLines());
    const bool leaves = ValueOf(text, "Expires") == "0";
    const std::string seconds = std::to_string(leaves ? 0 : 60 + chance_.Below(4000));
    return Answer(text, 200,
                  (leaves ? "" : LinesOf(text, "Contact")) + "Expires: " + seconds +
                      "\r\nService-Route: <sip:orig@10.0.0.30:6060;lr>\r\n");
  }
  // Each with keys of its own, rarely with half of them.
  std::string ChallengeLines() {
    char hex[33];
    const auto number = static_cast<unsigned long long>(++number_);
    std::snprintf(hex, sizeof(hex), "5ec2e7c0de%022llx", number);
    const std::string ck = chance_.Percent(2) ? "" : ",ck=\"" + std::string(hex) + "\"";
    return "WWW-Authenticate: Digest realm=\"" + std::string(kRealm) + "\",nonce=\"n" +
           std::to_string(number) + "\",algorithm=AKAv1-MD5" + ck + ",ik=\"" + hex + "\"\r\n";
  }
  std::string OnSubscribe(const std::string& text) {
    if (chance_.Percent(10)) return "";
    if (chance_.Percent(10)) return Answer(text, chance_.Percent(50) ? 481 : 503);
    Keep(text, &subscribes_);
    return Answer(text, 200, LinesOf(text, "Expires") + "Contact: <sip:10.0.0.30:6060>\r\n");
  }
  static void Keep(const std::string& text, std::vector<std::string>* kept) {
    kept->push_back(text);
    if (kept->size() > 32) kept->erase(kept->begin());
  }

  Chance& chance_;
  uint64_t number_ = 0;
  std::vector<std::string> paths_;
  std::vector<std::string> subscribes_;
};

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
