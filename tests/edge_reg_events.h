// The core's side of our subscriptions, played by hand (RFC 3680, RFC 6665).
#pragma once

#include <string>
#include <vector>

#include "tests/edge_steps.h"

namespace edge {

inline Settings RegEventSettings() {
  Settings settings = StepSettings();
  settings.core.reg_event = true;
  return settings;
}

class EdgeRegEventSteps : public EdgeSteps {
 protected:
  EdgeRegEventSteps() : EdgeRegEventSteps(RegEventSettings()) {}
  explicit EdgeRegEventSteps(const Settings& settings) : EdgeSteps(settings) {}

  // Registers the phone; what is subscribed with.
  std::string Subscribe(TestPhone* phone, int seconds = 3600) {
    EXPECT_EQ(StatusOf(Challenge(phone, Initial(phone), "nonce-" + phone->imsi).text), 401);
    const Sent accepted = Accept(OnSet(phone->set, phone->Protected()), seconds);
    EXPECT_EQ(StatusOf(accepted.text), 200);
    return world_.Pop().text;
  }
  // The core's 200 to a SUBSCRIBE.
  void Grant(const std::string& subscribe, const std::string& seconds = "") {
    const std::string expires = seconds.empty() ? ValueOf(subscribe, "Expires") : seconds;
    EXPECT_EQ(
        FromCore(subscribe, 200, "Expires: " + expires + "\r\nContact: <sip:10.0.0.30:6060>\r\n")
            .text,
        "");
  }
  // A subscription that the core knows; its SUBSCRIBE.
  std::string Begin(TestPhone* phone, int seconds = 3600) {
    const std::string subscribe = Subscribe(phone, seconds);
    Grant(subscribe);
    return subscribe;
  }

  // A registration element of one identity with one contact.
  static std::string Element(const std::string& aor, const std::string& state,
                             const std::string& contact, const std::string& event,
                             const std::string& expires = "") {
    const std::string mark = expires.empty() ? "" : "\" expires=\"" + expires;
    const std::string of =
        event == "registered" || event == "created" || event == "refreshed" || event == "shortened"
            ? "active"
            : "terminated";
    return "<registration aor=\"" + aor + "\" id=\"r\" state=\"" + state +
           "\"><contact id=\"c\" state=\"" + of + "\" event=\"" + event + mark + "\"><uri>" +
           contact + "</uri></contact></registration>";
  }
  static std::string Reginfo(int version, const std::string& inside,
                             const std::string& state = "full") {
    return "<?xml version=\"1.0\"?><reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"" +
           std::to_string(version) + "\" state=\"" + state + "\">" + inside + "</reginfo>";
  }
  // Of the subscription that was asked for with this.
  static std::string NotifyText(const std::string& subscribe, const std::string& body,
                                const std::string& state = "active;expires=7200") {
    static int count = 0;
    const int number = ++count;
    return "NOTIFY sip:10.0.0.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-n" +
           std::to_string(number) + "\r\nMax-Forwards: 70\r\nFrom: " + ValueOf(subscribe, "To") +
           (ValueOf(subscribe, "To").find(";tag=") == std::string::npos ? ";tag=core" : "") +
           "\r\nTo: " + ValueOf(subscribe, "From") + "\r\n" + LinesOf(subscribe, "Call-ID") +
           "CSeq: " + std::to_string(number) +
           " NOTIFY\r\nContact: <sip:10.0.0.30:6060>\r\nEvent: reg\r\nSubscription-State: " +
           state + "\r\nContent-Type: application/reginfo+xml\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  int Notify(const std::string& text) {
    return StatusOf(Deliver("10.0.0.30:6060", std::string(kCore), text).text);
  }
  int Notify(const std::string& subscribe, const std::string& body,
             const std::string& state = "active;expires=7200") {
    return Notify(NotifyText(subscribe, body, state));
  }
  std::string ContactOf(const TestPhone& phone) {
    return "sip:" + phone.imsi + "@" + phone.At(phone.port_us);
  }
  std::string Aor(const TestPhone& phone) { return "sip:" + phone.Impi(); }
  size_t Subscriptions() { return reg_events().subscriptions().in_use(); }
  RegEvents& reg_events() { return world_.core().reg_events(); }
  // The next request to the core.
  std::string Next() { return world_.Pop().text; }

  TestPhone phone_;
};

}  // namespace edge
