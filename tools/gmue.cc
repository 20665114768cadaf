// gmue: phones for demonstrations, tests and benches of gmedge, one or 100,000 of them.
//
// Each has a USIM (MILENAGE), registers with IMS AKA and a security agreement, makes and answers
// requests, and does its ESP by the kernel of the network namespace that gmue runs in.
#include <absl/flags/flag.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/aka.h"
#include "tools/program.h"
#include "tools/sip_sockets.h"
#include "tools/ue_fleet.h"
#include "tools/ue_kernel.h"

ABSL_FLAG(std::string, pcscf, "127.0.0.1:5060", "unprotected address of the P-CSCF");
ABSL_FLAG(std::string, address, "127.1.0.1", "the first phone's; the next ones count up from it");
ABSL_FLAG(uint32_t, phones, 1, "how many");
ABSL_FLAG(uint32_t, phones_per_address, 1, "phones that share an address, with ports of their own");
ABSL_FLAG(uint32_t, port_c, 37001,
          "protected client port; 2 or 3 above it serves re-authentication");
ABSL_FLAG(uint32_t, port_s, 37002, "protected server port");
ABSL_FLAG(uint32_t, unprotected_port, 5060, "where phones register from");
ABSL_FLAG(std::string, imsi, "001010000000001", "the first phone's; consecutive");
ABSL_FLAG(std::string, realm, "ims.mnc001.mcc001.3gppnetwork.org", "home domain");
ABSL_FLAG(std::string, seed, "gmedge",
          "of K and OPc: HMAC-SHA-256(seed, \"gmedge subscriber IMSI\")");
ABSL_FLAG(std::string, k, "", "K of all phones, 32 hex digits");
ABSL_FLAG(std::string, opc, "", "OPc of all phones, 32 hex digits");
ABSL_FLAG(
    std::string, security, "kernel",
    "kernel: ESP by XFRM; none: agreements without ESP (gmedge --xfrm=sim); off: no agreement");
ABSL_FLAG(std::string, algorithms, "",
          "offered pairs, e.g. hmac-sha-1-96=aes-cbc,null=aes-gcm; "
          "empty: all legal ones");
ABSL_FLAG(bool, udp_enc_tun, false,
          "offer mod=UDP-enc-tun as well, for a NAT; its address must be local here, too");
ABSL_FLAG(double, nat_keepalive, 20, "seconds between keep-alives to port 4500; 0: none");
ABSL_FLAG(std::string, scenario, "register",
          "steps in order: register, reregister, reauth, deregister, message, options, invite, "
          "mt-message, mt-options, mt-invite, hold; STEP*N repeats");
ABSL_FLAG(double, rate, 0, "phones started a second; 0: as fast as --in-flight allows");
ABSL_FLAG(uint32_t, in_flight, 256, "phones busy at once");
ABSL_FLAG(double, hold_seconds, 1, "how long the step hold lasts; SIGTERM ends it");
ABSL_FLAG(uint32_t, timeout_ms, 32000, "how long a request waits for its final response");
ABSL_FLAG(bool, retransmit, true, "send requests over UDP again, from 500 ms on");
ABSL_FLAG(std::string, transport, "udp", "of requests: udp, tcp, or mixed (each in turn)");
ABSL_FLAG(uint32_t, body_size, 0, "least size of the body of a MESSAGE, bytes");
ABSL_FLAG(uint32_t, expires, 600000, "registration asked for, seconds");
ABSL_FLAG(uint32_t, boot_id, 0, "in branches and Call-IDs; 0: a new one each run");
ABSL_FLAG(uint32_t, spi_first, 1000000000, "the phones' SPIs count up from it");
ABSL_FLAG(std::string, fail, "",
          "do wrong: wrong-response, wrong-verify, changed-client, auts, no-answer, plain");
ABSL_FLAG(bool, expect_failure, false, "the run is right when every phone fails");
ABSL_FLAG(bool, json, false, "the result as one JSON object on stdout");
ABSL_FLAG(bool, details, false, "a line for each registered phone: ports, SPIs, algorithms");
ABSL_FLAG(bool, progress, false, "a line a second on stderr, also when it is no terminal");

namespace {

using reactor::Endpoint;
using tools::BadFlag;
using tools::NowUs;

constexpr uint64_t kProgressUs = 1'000'000;
// A signal that comes just before the wait is seen this much later.
constexpr int kWaitMaxMs = 100;

uint16_t PortFlag(const char* name, uint32_t value) {
  if (value == 0 || value > UINT16_MAX) BadFlag(fmt::format("--{}={}: 1 to 65535", name, value));
  return static_cast<uint16_t>(value);
}

std::optional<tools::Bytes16> KeyFlag(const char* name, const std::string& text) {
  if (text.empty()) return {};
  tools::Bytes16 key;
  if (!tools::HexDecode(text, key)) BadFlag(fmt::format("--{}: 32 hex digits are needed", name));
  return key;
}

tools::PhoneOptions PhoneOptionsOfFlags() {
  tools::PhoneOptions options;
  const std::string pcscf = absl::GetFlag(FLAGS_pcscf);
  if (!reactor::ParseEndpoint(pcscf, 5060, &options.pcscf)) {
    BadFlag(fmt::format("--pcscf={}: an IP address with an optional port is needed", pcscf));
  }
  const std::string security = absl::GetFlag(FLAGS_security);
  if (security != "kernel" && security != "none" && security != "off") {
    BadFlag(fmt::format("--security={}: kernel, none or off", security));
  }
  std::string error;
  const std::string algorithms = absl::GetFlag(FLAGS_algorithms);
  if (!algorithms.empty() && !tools::ParseAlgorithms(algorithms, &options.offer, &error)) {
    BadFlag("--algorithms: " + error);
  }
  options.udp_enc_tun = absl::GetFlag(FLAGS_udp_enc_tun);
  const std::optional<tools::Fault> fault = tools::ParseFault(absl::GetFlag(FLAGS_fail));
  if (!fault) BadFlag(fmt::format("--fail={}: unknown", absl::GetFlag(FLAGS_fail)));
  options.fault = *fault;
  const auto transport = tools::ParseTransport(absl::GetFlag(FLAGS_transport));
  if (!transport) {
    BadFlag(fmt::format("--transport={}: udp, tcp or mixed", absl::GetFlag(FLAGS_transport)));
  }
  options.transport = *transport;
  options.body_size = absl::GetFlag(FLAGS_body_size);
  options.sec_agree = security != "off";
  options.unprotected_port = PortFlag("unprotected-port", absl::GetFlag(FLAGS_unprotected_port));
  options.expires_s = absl::GetFlag(FLAGS_expires);
  options.timeout_ms = absl::GetFlag(FLAGS_timeout_ms);
  options.retransmit = absl::GetFlag(FLAGS_retransmit);
  options.spi_first = absl::GetFlag(FLAGS_spi_first);
  options.boot_id = absl::GetFlag(FLAGS_boot_id);
  if (options.boot_id == 0) {
    options.boot_id = static_cast<uint32_t>(NowUs() ^ static_cast<uint64_t>(getpid()) << 16) | 1;
  }
  return options;
}

tools::FleetOptions FleetOptionsOfFlags() {
  tools::FleetOptions options;
  options.phone = PhoneOptionsOfFlags();
  options.subscribers.first_imsi = absl::GetFlag(FLAGS_imsi);
  options.subscribers.count = absl::GetFlag(FLAGS_phones);
  options.subscribers.realm = absl::GetFlag(FLAGS_realm);
  options.subscribers.seed = absl::GetFlag(FLAGS_seed);
  options.subscribers.k = KeyFlag("k", absl::GetFlag(FLAGS_k));
  options.subscribers.opc = KeyFlag("opc", absl::GetFlag(FLAGS_opc));
  const std::string address = absl::GetFlag(FLAGS_address);
  if (!reactor::ParseAddress(address, 0, &options.first_address)) {
    BadFlag(fmt::format("--address={}: an IP address is needed", address));
  }
  options.phones_per_address = absl::GetFlag(FLAGS_phones_per_address);
  options.port_c = PortFlag("port-c", absl::GetFlag(FLAGS_port_c));
  options.port_s = PortFlag("port-s", absl::GetFlag(FLAGS_port_s));
  std::string error;
  const auto scenario = tools::ParseScenario(absl::GetFlag(FLAGS_scenario), &error);
  if (!scenario) BadFlag("--scenario: " + error);
  options.scenario = *scenario;
  options.rate = absl::GetFlag(FLAGS_rate);
  options.in_flight = absl::GetFlag(FLAGS_in_flight);
  options.hold_ms = static_cast<uint64_t>(absl::GetFlag(FLAGS_hold_seconds) * 1000);
  options.expect_failure = absl::GetFlag(FLAGS_expect_failure);
  if (const std::string wrong = tools::Fleet::Check(options); !wrong.empty()) BadFlag(wrong);
  return options;
}

// The fleet with its sockets and, in kernel mode, its ESP.
class Run : public tools::UdpSink {
 public:
  Run(const tools::FleetOptions& options, tools::SipSockets* sockets, tools::KernelEsp* esp)
      : fleet_(options, esp, NowUs()), sockets_(sockets), esp_(esp) {
    const bool keeps_alive = esp != nullptr && options.phone.udp_enc_tun && KeepAliveUs() > 0;
    if (keeps_alive) next_keepalive_us_ = NowUs() + KeepAliveUs();
  }

  void OnDatagram(const Endpoint& local, const Endpoint& source, sip::PaddedView bytes) override {
    fleet_.OnDatagram(local, source, bytes, NowUs(), &outbox_);
  }

  // Until every phone is through. A first signal ends the holds, a second one everything.
  void ToTheEnd() {
    const bool progress = absl::GetFlag(FLAGS_progress) || isatty(STDERR_FILENO) != 0;
    uint64_t next_progress_us = NowUs() + kProgressUs;
    while (!fleet_.done() && tools::StopSignals() < 2) {
      if (tools::StopSignals() == 1) fleet_.EndHolds();
      Turn();
      if (progress && NowUs() >= next_progress_us) {
        std::fprintf(stderr, "%s\n", fleet_.Progress(NowUs()).c_str());
        next_progress_us += kProgressUs;
      }
    }
    Turn();  // The last answers go out, the last SAs go.
  }

  tools::FleetReport Report() const {
    tools::FleetReport report = fleet_.Report(NowUs());
    report.security = absl::GetFlag(FLAGS_security);
    for (const auto& [refusal, count] : refusals_) {
      report.failures["kernel: " + refusal] = count;
    }
    return report;
  }
  std::string Details() const { return fleet_.Details(); }

 private:
  // No word to the network before the kernel has the SAs, so the kernel comes first.
  void Turn() {
    fleet_.Advance(NowUs(), &outbox_);
    // While their SAs are there: what the system would repeat later would go in clear.
    for (const auto& [local, peer] : fleet_.TakeHangups()) sockets_->Close(local, peer);
    if (esp_ != nullptr) {
      for (const tools::KernelEsp::Verdict& verdict : esp_->Flush()) {
        if (!verdict.refusal.empty()) ++refusals_[verdict.refusal];
        fleet_.OnSasReady(verdict.phone, verdict.refusal.empty(), NowUs(), &outbox_);
      }
    }
    sockets_->Send(&outbox_);
    if (fleet_.done()) return;
    const uint64_t now_us = NowUs();
    if (now_us >= next_keepalive_us_) {
      esp_->KeepAlive();
      next_keepalive_us_ = now_us + KeepAliveUs();
    }
    const uint64_t next_us = fleet_.next_us();
    const uint64_t wait_ms = next_us > now_us ? (next_us - now_us + 999) / 1000 : 0;
    sockets_->Receive(static_cast<int>(std::min<uint64_t>(wait_ms, kWaitMaxMs)), this);
  }

  static uint64_t KeepAliveUs() {
    return static_cast<uint64_t>(absl::GetFlag(FLAGS_nat_keepalive) * 1e6);
  }

  uint64_t next_keepalive_us_ = UINT64_MAX;
  tools::Fleet fleet_;
  tools::SipSockets* sockets_;
  tools::KernelEsp* esp_;
  tools::Outbox outbox_;
  std::map<std::string, uint64_t> refusals_;
};

// One socket a port, for all addresses.
std::vector<Endpoint> LocalsOf(const tools::FleetOptions& options) {
  std::vector<Endpoint> locals;
  for (const uint16_t port : tools::Fleet::Ports(options)) {
    Endpoint local;
    reactor::ParseAddress(options.first_address.family() == AF_INET6 ? "::" : "0.0.0.0", port,
                          &local);
    locals.push_back(local);
  }
  return locals;
}

int Fail(const std::string& why) {
  std::fprintf(stderr, "gmue: %s\n", why.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  tools::ParseFlags(argc, argv, "phones for demonstrations, tests and benches of gmedge");
  const tools::FleetOptions options = FleetOptionsOfFlags();
  tools::CountStopSignals();

  // Policies first: a protected port is never open without them.
  std::string error;
  std::unique_ptr<tools::KernelEsp> esp;
  if (absl::GetFlag(FLAGS_security) == "kernel") {
    esp = tools::KernelEsp::Open(options.phone.pcscf, &error);
    if (!esp) return Fail(error);
    std::vector<uint16_t> ports = tools::Fleet::Ports(options);
    ports.erase(ports.begin());  // The unprotected one.
    error = esp->AddPolicies(tools::Fleet::Addresses(options), ports);
    if (!error.empty()) return Fail("policies: " + error);
    if (options.phone.udp_enc_tun) error = esp->OpenUdp();
    if (!error.empty()) return Fail(error);
  }
  const std::unique_ptr<tools::SipSockets> sockets =
      tools::SipSockets::Open(LocalsOf(options), {}, &error);
  if (!sockets) return Fail(error);

  Run run(options, sockets.get(), esp.get());
  run.ToTheEnd();
  const tools::FleetReport report = run.Report();
  if (absl::GetFlag(FLAGS_details)) std::fputs(run.Details().c_str(), stderr);
  const std::string result = absl::GetFlag(FLAGS_json) ? report.Json() + "\n" : report.Table();
  std::fputs(result.c_str(), stdout);
  return report.Ok() ? 0 : 1;
}
