// An IMS core of simulated runs, and of random walks in tests, which does what it likes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/plain_sip.h"
#include "tools/sim_chance.h"
#include "tools/sim_registrar.h"

namespace tools {

// A request of the core's own, and where it goes.
struct CoreRequest {
  std::string to;
  std::string text;
  std::string ends;  // The identity whose registration it ends, or "".
};

// The subscriber's other side.
class SimCore {
 public:
  explicit SimCore(Chance* chance, const CoreHabits& habits = {})
      : chance_(*chance), habits_(habits), registrar_(chance, habits) {}

  // What the edge sent. What the core answers, or nothing.
  std::string Hear(const std::string& text) {
    if (text.starts_with("REGISTER ")) {
      Keep(ValueOf(text, "Path"), &paths_);
      return registrar_.Hear(text);
    }
    if (text.starts_with("SUBSCRIBE ") && LinesOf(text, "Path").empty()) return OnSubscribe(text);
    if (text.starts_with("SIP/2.0 ")) return "";
    return chance_.Percent(90) ? Answer(text, 200) : "";
  }
  // A request for one of the phones; nothing when there is none.
  CoreRequest CallPhone() {
    if (paths_.empty()) return {};
    const std::string& path = paths_[chance_.Below(paths_.size())];
    const std::string number = std::to_string(++number_);
    const std::string text =
        "MESSAGE sip:a@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-mt" + number +
        "\r\nMax-Forwards: 70\r\nRoute: " + path.substr(0, path.find('>') + 1) +
        "\r\nFrom: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt" + number +
        "\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
    return {HostOf(path), text, ""};
  }
  // It ends a registration, or says what everybody knows; nothing without a subscription.
  CoreRequest TellPhone() {
    if (subscribes_.empty()) return {};
    const std::string& subscribe = subscribes_[chance_.Below(subscribes_.size())];
    const std::string aor = subscribe.substr(10, subscribe.find(' ', 10) - 10);
    const bool ends = chance_.Percent(habits_.ends);
    const std::string body = "<reginfo version=\"" + std::to_string(chance_.Below(6)) +
                             "\" state=\"" + (chance_.Percent(80) ? "full" : "partial") +
                             "\"><registration aor=\"" + aor + "\" id=\"r\" state=\"" +
                             (ends ? "terminated" : "active") + "\"/></reginfo>";
    const std::string number = std::to_string(++number_);
    const std::string contact = ValueOf(subscribe, "Contact");
    const std::string text =
        "NOTIFY sip:" + HostOf(contact) +
        " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-n" + number +
        "\r\nMax-Forwards: 70\r\nFrom: <" + aor +
        ">;tag=core\r\nTo: " + ValueOf(subscribe, "From") + "\r\n" + LinesOf(subscribe, "Call-ID") +
        "CSeq: " + number +
        " NOTIFY\r\nContact: <sip:10.0.0.30:6060>\r\nEvent: reg\r\nSubscription-State: " +
        (ends || chance_.Percent(10) ? "terminated;reason=noresource" : "active") +
        "\r\nContent-Type: application/reginfo+xml\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    return {HostOf(contact), text, ends ? aor : ""};
  }

 private:
  // "10.0.0.10:5060" of "<sip:token@10.0.0.10:5060;lr>".
  static std::string HostOf(const std::string& uri) {
    const size_t at = uri.find('@');
    const size_t begin = at == std::string::npos ? uri.find("sip:") + 4 : at + 1;
    return uri.substr(begin, uri.find_first_of(";>", begin) - begin);
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
  const CoreHabits habits_;
  SimRegistrar registrar_;
  uint64_t number_ = 0;
  std::vector<std::string> paths_;
  std::vector<std::string> subscribes_;
};

}  // namespace tools
