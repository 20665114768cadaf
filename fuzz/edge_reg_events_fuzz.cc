// What the core may say of a registration, in any order: bodies of NOTIFY that are no XML or too
// much of it, headers that do not fit, answers to SUBSCRIBE, and time, beside a phone that
// refreshes and leaves. Every NOTIFY of our dialog is answered, a subscription is never there
// twice, and at the end nothing is left.
//
// The input is a program: one byte says what happens, the bytes behind it how.
#include <cstdlib>
#include <string>

#include "edge/reg_event_limits.h"
#include "edge/reginfo.h"
#include "tests/edge_phone.h"

namespace {

using edge::Answer;
using edge::LinesOf;
using edge::Replaced;
using edge::Sent;
using edge::TestPhone;
using edge::ValueOf;

constexpr int kStepsMax = 40;
constexpr std::string_view kCorePort = "10.0.0.10:5060";
constexpr std::string_view kCorePeer = "10.0.0.20:5060";

void Require(bool condition) {
  if (!condition) std::abort();
}

// Bytes of the input, then zeros.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint8_t Byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  // Up to a byte 0xff.
  std::string Text() {
    std::string text;
    while (size_ > 0) {
      const uint8_t byte = Byte();
      if (byte == 0xff) break;
      text += static_cast<char>(byte);
    }
    return text;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

edge::Settings FuzzSettings() {
  edge::Settings settings;
  settings.gm.listen = {edge::At("192.0.2.10:5060")};
  settings.ipsec.sockets = {edge::At("192.0.2.10:6101"), edge::At("192.0.2.10:6102")};
  settings.core.listen = edge::At(kCorePort);
  settings.core.next_hops = {edge::At(kCorePeer)};
  settings.core.host = "pcscf.example.org";
  return settings;
}

class Play {
 public:
  Play(const uint8_t* data, size_t size) : input_(data, size), world_(FuzzSettings()) {}

  void Run() {
    Register();
    for (int i = 0; i < kStepsMax && !input_.empty(); ++i) {
      Step();
      Check();
    }
    End();
  }

 private:
  void Step() {
    switch (input_.Byte() % 8) {
      case 0:
        return Notify(input_.Text(), "");
      case 1:
        return Notify(Reginfo(), "");
      case 2: {
        const std::string lines = input_.Text();
        return Notify(Reginfo(), lines);
      }
      case 3: {
        static constexpr int kStatuses[] = {200, 481, 403, 503, 100, 423};
        const int status = kStatuses[input_.Byte() % std::size(kStatuses)];
        return FromCore(Answer(subscribe_, status, input_.Text()));
      }
      case 4: {
        static constexpr uint64_t kTimes[] = {1, 500, 32'000, 128'000, 600'000, 3'600'000};
        world_.Advance(kTimes[input_.Byte() % std::size(kTimes)]);
        return Take();
      }
      case 5:
        return OnSet(phone_.Protected());
      case 6:
        return OnSet(Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0"));
      default:
        return Register();
    }
  }

  void Register() {
    ToEdge(phone_.Clear(), phone_.Gm(), phone_.Initial());
    const std::string server = phone_.set.server;
    if (!server.empty()) OnSet(phone_.Protected());
  }
  void OnSet(const std::string& text) { ToEdge(phone_.set.client, phone_.set.server, text); }

  // Well-formed, of this phone, of chance else.
  std::string Reginfo() {
    static constexpr const char* kEvents[] = {
        "registered",  "created",   "refreshed",    "shortened", "expired",
        "deactivated", "probation", "unregistered", "rejected",  "other"};
    const uint8_t what = input_.Byte();
    const std::string state = (what & 1) != 0 ? "active" : "terminated";
    const std::string contact = (what & 2) != 0 ? "active" : "terminated";
    const std::string uri = (what & 4) != 0 ? phone_.At(phone_.port_us) : input_.Text();
    const std::string aor = (what & 8) != 0 ? phone_.Impi() : input_.Text();
    const std::string event = kEvents[input_.Byte() % std::size(kEvents)];
    return "<reginfo version=\"" + std::to_string(input_.Byte()) + "\" state=\"" +
           ((what & 16) != 0 ? "full" : "partial") + "\"><registration aor=\"sip:" + aor +
           "\" id=\"r\" state=\"" + state + "\"><contact id=\"c\" state=\"" + contact +
           "\" event=\"" + event + "\" expires=\"" + std::to_string(input_.Byte() * 16) +
           "\"><uri>sip:" + phone_.imsi + "@" + uri + "</uri></contact></registration></reginfo>";
  }

  void Notify(const std::string& body, const std::string& lines) {
    if (subscribe_.empty()) return;
    edge::Reginfo reginfo;
    const edge::ReginfoError error = ParseReginfo(body, &reginfo);
    Require(body.size() <= edge::kReginfoSizeMax || error != edge::ReginfoError::kOk);
    Require(reginfo.registrations.size() <= edge::kReginfoEntriesMax + 1);
    static constexpr const char* kStates[] = {"active;expires=600",
                                              "pending",
                                              "terminated;reason=noresource",
                                              "terminated;reason=deactivated",
                                              "terminated;reason=probation;retry-after=5",
                                              ";"};
    const std::string state = kStates[input_.Byte() % std::size(kStates)];
    const std::string number = std::to_string(++notifies_);
    ToEdge(std::string(kCorePeer), std::string(kCorePort),
           "NOTIFY sip:10.0.0.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-n" +
               number + "\r\nMax-Forwards: 70\r\nFrom: " + ValueOf(subscribe_, "To") +
               (ValueOf(subscribe_, "To").find(";tag=") == std::string::npos ? ";tag=core" : "") +
               "\r\nTo: " + ValueOf(subscribe_, "From") + "\r\n" + LinesOf(subscribe_, "Call-ID") +
               "CSeq: " + number + " NOTIFY\r\nContact: <sip:10.0.0.20:5060>\r\nEvent: reg\r\n" +
               lines + "Subscription-State: " + state +
               "\r\nContent-Type: application/reginfo+xml\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body);
    Require(!lines.empty() || answered_);
  }

  void FromCore(const std::string& text) {
    ToEdge(std::string(kCorePeer), std::string(kCorePort), text);
  }
  void ToEdge(const std::string& from, const std::string& to, const std::string& text) {
    answered_ = false;
    world_.Deliver(from, to, text);
    Take();
  }

  // The core is well disposed: what it gets it answers, but SUBSCRIBE only as the input says.
  void Take() {
    while (!world_.sent().empty()) {
      const Sent sent = world_.Pop();
      if (sent.from != kCorePort) {
        if (edge::StatusOf(sent.text) == 401) phone_.TakeChallenge(sent.text);
      } else if (sent.text.starts_with("SUBSCRIBE")) {
        subscribe_ = sent.text;
      } else if (sent.text.starts_with("REGISTER")) {
        const bool is_yes = edge::ParamOf(sent.text, "integrity-protected") == "yes";
        const std::string zero = ValueOf(sent.text, "Expires") == "0" ? "0" : "600";
        world_.Deliver(
            kCorePeer, kCorePort,
            is_yes ? Answer(sent.text, 200,
                            (zero == "0" ? "" : LinesOf(sent.text, "Contact")) +
                                "Expires: " + zero + "\r\n")
                   : Answer(sent.text, 401, edge::ChallengeLine("n" + std::to_string(++nonces_))));
      } else {
        answered_ = true;
      }
    }
  }

  void Check() {
    // One that is used, and those whose last words may still come.
    size_t used = 0;
    world_.core().reg_events().subscriptions().ForEach([&](edge::Subscription* one) {
      used += one->who != 0 ? 1 : 0;
      Require(one->dialog[1].size() + one->dialog[2].size() + one->dialog[3].size() <=
              edge::kDialogSizeMax);
    });
    Require(used <= 1);
    Require(world_.core().registrar().bindings().in_use() <= 1);
  }

  void End() {
    for (int i = 0; i < 80; ++i) {
      world_.Advance(i < 40 ? 1'000 : 100'000);
      while (!world_.sent().empty()) world_.Pop();
    }
    Require(world_.core().registrar().registered() == 0);
    Require(world_.core().reg_events().subscriptions().in_use() == 0);
    Require(world_.kernel().sa_count() == 0);
  }

  Input input_;
  edge::World world_;
  TestPhone phone_;
  std::string subscribe_;
  bool answered_ = false;
  int notifies_ = 0;
  int nonces_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Play(data, size).Run();
  return 0;
}
