// What the tables of the spec sheet's section 5 start from: a registered phone, and requests both
// ways as plain as they can be, with the lines of the row in them.
#pragma once

#include <string>

#include "tests/edge_steps.h"

namespace edge {

inline constexpr std::string_view kScscf = "10.0.0.30:6060";
// What the phone is registered as: the first is its default.
inline constexpr std::string_view kDefaultUri = "sip:+15550100001@ims.example.org;user=phone";
inline constexpr std::string_view kTelUri = "tel:+15550100001";
inline constexpr std::string_view kSecondUri = "sip:alice@ims.example.org";

inline Settings SpecSettings() {
  Settings settings = StepSettings();
  settings.core.access_network_info = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=001";
  return settings;
}

class SpecTable : public EdgeSteps {
 protected:
  explicit SpecTable(const Settings& settings = SpecSettings()) : EdgeSteps(settings) {}

  static std::string Accepted(const std::string& lines = "") {
    return "Expires: 3600\r\nService-Route: <sip:orig@" + std::string(kScscf) +
           ";lr>\r\nP-Associated-URI: <" + std::string(kDefaultUri) + ">, <" +
           std::string(kTelUri) + ">, <" + std::string(kSecondUri) + ">\r\n" + lines;
  }
  void Go() { Go(&phone_); }
  void Go(TestPhone* phone) {
    ASSERT_EQ(StatusOf(Challenge(phone, Initial(phone), "n-" + phone->imsi).text), 401);
    ASSERT_EQ(StatusOf(FromCore(OnSet(phone->set, phone->Protected()), 200, Accepted()).text), 200);
  }

  // The Route a phone preloads (TS 24.229 5.1.2A).
  std::string Preloaded() const {
    return "Route: <sip:" + phone_.set.server + ";lr>, <sip:orig@" + std::string(kScscf) +
           ";lr>\r\n";
  }
  std::string Mo(const std::string& method, const std::string& lines = "") {
    return phone_.Request(method, "sip:bob@ims.example.org", phone_.port_us, Preloaded() + lines);
  }
  // What the core gets of it, or the phone's answer.
  Sent FromPhone(const std::string& text) {
    return Deliver(phone_.set.client, phone_.set.server, text);
  }
  std::string Forwarded(const std::string& text) {
    const Sent sent = FromPhone(text);
    EXPECT_EQ(sent.from, kCore) << sent.text;
    return sent.text;
  }
  // The same request in a dialog, along `route`.
  static std::string InDialog(const std::string& text, const std::string& route) {
    std::string changed = Replaced(text, LinesOf(text, "Route"), route);
    return Replaced(changed, LinesOf(changed, "To"), "To: <sip:bob@x>;tag=callee\r\n");
  }
  // The route of a dialog from what the core was sent of its INVITE, for the caller: our entries,
  // the phone's side first, and the core's own behind.
  static std::string RouteOf(const std::string& invite) {
    const std::string lines = LinesOf(invite, "Record-Route");
    const size_t end = lines.find("\r\n");
    const auto uri = [](const std::string& line) {
      return line.substr(line.find('<'), line.find('>') - line.find('<') + 1);
    };
    return "Route: " + uri(lines.substr(end + 2)) + ", " + uri(lines.substr(0, end)) +
           ", <sip:term@" + std::string(kScscf) + ";lr>\r\n";
  }

  // A request of the core to the phone, along its Path; and in a dialog, along `route`.
  std::string Mt(const std::string& method, const std::string& lines = "") {
    if (path_.empty()) {
      const std::string value = ValueOf(OnSet(phone_.set, phone_.Protected()), "Path");
      path_ = "Route: " + value.substr(0, value.find('>') + 1) + "\r\n";
    }
    return method + " sip:" + phone_.imsi + "@" + phone_.At(phone_.port_us) +
           " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-s-" + method +
           "\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK-o\r\nMax-Forwards: 66\r\n" + path_ +
           "From: <sip:bob@x>;tag=1\r\nTo: <sip:alice@x>\r\nCall-ID: mt-1@10.9.9.9\r\nCSeq: 7 " +
           method + "\r\n" + lines + "Content-Length: 0\r\n\r\n";
  }
  Sent FromScscf(const std::string& text) {
    return Deliver(std::string(kScscf), std::string(kCore), text);
  }
  // What the phone gets of it.
  std::string ToPhone(const std::string& text) {
    const Sent sent = FromScscf(text);
    EXPECT_EQ(sent.to, phone_.set.to) << sent.text;
    return sent.text;
  }
  // What the core gets of the phone's answer to it.
  std::string Answered(const std::string& request, int status, const std::string& lines = "") {
    return FromPhone(Answer(request, status, lines)).text;
  }
  static std::string BranchOf(const std::string& text) {
    return ParamOf(ValueOf(text, "Via"), "branch");
  }

  TestPhone phone_;
  std::string path_;
};

}  // namespace edge
