// gmcore: a stand-in IMS core for demonstrations, tests and benches of gmedge.
//
// Not a core: no user data, no routing between subscribers, no media. What it is strict about is
// what it gets from the edge: broken rules are counted, told on stderr, and make the exit status 1.
#include <absl/flags/flag.h>
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/aka.h"
#include "tools/core_node.h"
#include "tools/program.h"
#include "tools/respond.h"
#include "tools/sip_sockets.h"

ABSL_FLAG(std::vector<std::string>, listen, {"127.0.0.1:5080"},
          "addresses to serve SIP on, UDP and TCP");
ABSL_FLAG(std::string, control, "",
          "address of the control socket (UDP text), e.g. 127.0.0.1:5081");
ABSL_FLAG(std::string, imsi, "001010000000001", "the first subscriber");
ABSL_FLAG(uint32_t, subscribers, 1000, "how many subscribers, with consecutive IMSIs");
ABSL_FLAG(std::string, realm, "ims.mnc001.mcc001.3gppnetwork.org", "home domain");
ABSL_FLAG(std::string, seed, "gmedge",
          "of K and OPc: HMAC-SHA-256(seed, \"gmedge subscriber IMSI\")");
ABSL_FLAG(std::string, k, "", "K of all subscribers, 32 hex digits");
ABSL_FLAG(std::string, opc, "", "OPc of all subscribers, 32 hex digits");
ABSL_FLAG(uint32_t, expires_max, 3600, "longest registration granted, seconds");
ABSL_FLAG(uint32_t, challenge_every, 0, "challenge every Nth refresh; 0: none");
ABSL_FLAG(bool, accept_unprotected, false, "take right answers that were not integrity protected");
ABSL_FLAG(uint32_t, answer_delay_ms, 0, "how long an INVITE rings");
ABSL_FLAG(uint32_t, mt_timeout_ms, 32000, "how long a terminating request waits for its answer");
ABSL_FLAG(std::string, mt_transport, "udp", "of terminating requests: udp or tcp");
ABSL_FLAG(uint32_t, mt_body_size, 0, "least size of the body of a terminating MESSAGE, bytes");
ABSL_FLAG(uint32_t, mt_call_ms, 0, "how long a terminating call lasts before its BYE");
ABSL_FLAG(uint64_t, random_seed, 1, "of RAND");
ABSL_FLAG(bool, quiet, false, "no line at start; counters and violations only");

namespace {

using reactor::Endpoint;

// A signal that comes just before the wait is seen this much later.
constexpr int kWaitMaxMs = 100;
constexpr uint16_t kSipPort = 5060;

Endpoint EndpointFlag(const std::string& name, const std::string& text) {
  Endpoint endpoint;
  if (!reactor::ParseEndpoint(text, kSipPort, &endpoint)) {
    tools::BadFlag(
        fmt::format("--{}={}: an IP address with an optional port is needed", name, text));
  }
  return endpoint;
}

std::optional<tools::Bytes16> KeyFlag(const std::string& name, const std::string& text) {
  if (text.empty()) return {};
  tools::Bytes16 key;
  if (!tools::HexDecode(text, key)) {
    tools::BadFlag(fmt::format("--{}: 32 hex digits are needed", name));
  }
  return key;
}

tools::CoreOptions OptionsOfFlags() {
  tools::CoreOptions options;
  tools::SubscriberOptions& subscribers = options.registrar.subscribers;
  subscribers.first_imsi = absl::GetFlag(FLAGS_imsi);
  subscribers.count = absl::GetFlag(FLAGS_subscribers);
  subscribers.realm = absl::GetFlag(FLAGS_realm);
  subscribers.seed = absl::GetFlag(FLAGS_seed);
  subscribers.k = KeyFlag("k", absl::GetFlag(FLAGS_k));
  subscribers.opc = KeyFlag("opc", absl::GetFlag(FLAGS_opc));
  if (const std::string wrong = tools::SubscriberRange::Check(subscribers); !wrong.empty()) {
    tools::BadFlag(wrong);
  }
  options.registrar.expires_max_s = absl::GetFlag(FLAGS_expires_max);
  options.registrar.challenge_every = absl::GetFlag(FLAGS_challenge_every);
  options.registrar.accept_unprotected = absl::GetFlag(FLAGS_accept_unprotected);
  options.registrar.random_seed = absl::GetFlag(FLAGS_random_seed);
  options.answer_delay_ms = absl::GetFlag(FLAGS_answer_delay_ms);
  options.mt_timeout_ms = absl::GetFlag(FLAGS_mt_timeout_ms);
  const std::string transport = absl::GetFlag(FLAGS_mt_transport);
  if (transport != "udp" && transport != "tcp") {
    tools::BadFlag(fmt::format("--mt-transport={}: udp or tcp", transport));
  }
  options.mt = {transport == "tcp", absl::GetFlag(FLAGS_mt_body_size),
                absl::GetFlag(FLAGS_mt_call_ms)};
  return options;
}

// The node with its sockets: SIP and, when asked for, control.
class Core : public tools::UdpSink {
 public:
  Core(const tools::CoreOptions& options, std::optional<Endpoint> control)
      : node_(options, NowMs()), control_(control) {}

  void OnDatagram(const Endpoint& local, const Endpoint& source, sip::PaddedView bytes) override {
    if (control_ && local.port() == control_->port()) {
      return node_.OnControl(local, source, bytes.bytes(), NowMs(), &outbox_);
    }
    node_.OnDatagram(local, source, bytes, NowMs(), &outbox_);
  }

  void Turn(tools::SipSockets* sockets) {
    sockets->Send(&outbox_);
    const uint64_t now_ms = NowMs();
    const uint64_t next_ms = node_.NextExpiry();
    const uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    sockets->Receive(static_cast<int>(std::min<uint64_t>(wait_ms, kWaitMaxMs)), this);
    node_.Advance(NowMs(), &outbox_);
    for (const std::string& reason : node_.violations()->TakeNew()) {
      std::fprintf(stderr, "gmcore: violation: %s\n", reason.c_str());
    }
  }

  // The exit status.
  int Report() {
    std::printf("gmcore: %s\n", node_.Summary().c_str());
    for (const auto& [reason, count] : node_.violations()->by_reason()) {
      std::fprintf(stderr, "gmcore: violation, %llu times: %s\n",
                   static_cast<unsigned long long>(count), reason.c_str());
    }
    return node_.violations()->total() == 0 ? 0 : 1;
  }

 private:
  static uint64_t NowMs() { return tools::NowUs() / 1000; }

  tools::CoreNode node_;
  std::optional<Endpoint> control_;
  tools::Outbox outbox_;
};

}  // namespace

int main(int argc, char** argv) {
  tools::ParseFlags(argc, argv, "a stand-in IMS core for demonstrations, tests and benches");
  const tools::CoreOptions options = OptionsOfFlags();
  std::vector<Endpoint> locals;
  for (const std::string& text : absl::GetFlag(FLAGS_listen)) {
    locals.push_back(EndpointFlag("listen", text));
  }
  std::optional<Endpoint> control;
  std::vector<Endpoint> udp_locals;
  if (const std::string text = absl::GetFlag(FLAGS_control); !text.empty()) {
    control = EndpointFlag("control", text);
    udp_locals.push_back(*control);
  }
  if (locals.empty()) tools::BadFlag("--listen: an address is needed");

  tools::CountStopSignals();
  std::string error;
  const std::unique_ptr<tools::SipSockets> sockets =
      tools::SipSockets::Open(locals, udp_locals, &error);
  if (!sockets) {
    std::fprintf(stderr, "gmcore: %s\n", error.c_str());
    return 1;
  }
  if (!absl::GetFlag(FLAGS_quiet)) {
    std::printf("gmcore: ready on %s, %u subscribers from IMSI %s\n",
                tools::Text(locals.front()).c_str(), options.registrar.subscribers.count,
                options.registrar.subscribers.first_imsi.c_str());
    std::fflush(stdout);
  }
  Core core(options, control);
  while (tools::StopSignals() == 0) core.Turn(sockets.get());
  return core.Report();
}
