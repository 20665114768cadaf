#include "tools/ue_kernel.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "xfrm/socket.h"

namespace tools {
namespace {

constexpr uint32_t kReqid = 0x676d7565;  // "gmue": ours, and not gmedge's.
constexpr int kTimeoutMs = 5000;
constexpr size_t kSasPerPhone = 4;
// With a policy beside each SA, behind a NAT.
constexpr size_t kPhonesPerBatch = xfrm::Batch::kRequestsMax / (2 * kSasPerPhone);
constexpr uint16_t kEspInUdpPort = 4500;

}  // namespace

std::unique_ptr<KernelEsp> KernelEsp::Open(const reactor::Endpoint& pcscf, std::string* error) {
  int fd = -1;
  if (const std::errc result = xfrm::OpenSocket({}, &fd); result != std::errc{}) {
    *error = fmt::format("XFRM netlink socket: {}", xfrm::Explain(result));
    return nullptr;
  }
  return std::unique_ptr<KernelEsp>(new KernelEsp(fd, pcscf));
}

KernelEsp::~KernelEsp() {
  RemoveAll();
  close(fd_);
  if (udp_fd_ >= 0) close(udp_fd_);
}

std::string KernelEsp::OpenUdp() {
  xfrm::Address any;
  any.family = static_cast<uint8_t>(pcscf_.family());
  const std::errc result = xfrm::OpenEspInUdp(any, kEspInUdpPort, &udp_fd_);
  if (result == std::errc{}) return "";
  return fmt::format("udp port {}: {}", kEspInUdpPort, std::strerror(static_cast<int>(result)));
}

void KernelEsp::KeepAlive() const {
  constexpr unsigned char kOctet = 0xff;
  reactor::Endpoint to = pcscf_;
  to.set_port(kEspInUdpPort);
  static_cast<void>(sendto(udp_fd_, &kOctet, sizeof(kOctet), MSG_DONTWAIT, &to.any, to.size()));
}

std::string KernelEsp::AddPolicies(std::span<const reactor::Endpoint> addresses,
                                   std::span<const uint16_t> ports) {
  for (const reactor::Endpoint& address : addresses) {
    for (const uint16_t port : ports) {
      for (const xfrm::Direction direction : {xfrm::Direction::kIn, xfrm::Direction::kOut}) {
        xfrm::Policy policy;
        policy.direction = direction;
        policy.local = AddressOf(address);
        policy.local_port = port;
        policy.reqid = kReqid;
        policies_.push_back(policy);
      }
    }
  }
  for (size_t done = 0; done < policies_.size();) {
    Begin();
    // Of a run that was killed there may be some: they are replaced.
    while (done < policies_.size() && !batch_.full()) batch_.UpdatePolicy(policies_[done++]);
    xfrm::BatchVerdict verdict;
    if (std::string unknown = Transact(&verdict); !unknown.empty()) return unknown;
    for (int i = 0; i < batch_.count(); ++i) {
      if (verdict.error(i) != std::errc{}) return std::string(xfrm::Explain(verdict.error(i)));
    }
  }
  return "";
}

void KernelEsp::Install(const PhoneIdentity& identity, const UeAgreement& agreement) {
  Add(identity, agreement, /*install=*/true);
}

void KernelEsp::Remove(const PhoneIdentity& identity, const UeAgreement& agreement) {
  Add(identity, agreement, /*install=*/false);
}

void KernelEsp::Add(const PhoneIdentity& identity, const UeAgreement& agreement, bool install) {
  Request& request = requests_.emplace_back(
      Request{.phone = identity.index,
              .install = install,
              .keys = xfrm::EspKeys(agreement.algorithms, agreement.ik, agreement.ck),
              .sas = {}});
  request.sas = SasOf(agreement, identity.address, pcscf_, request.keys, kReqid);
}

std::vector<KernelEsp::Verdict> KernelEsp::Flush() {
  std::vector<Verdict> verdicts;
  while (!requests_.empty()) {
    const size_t count = std::min(requests_.size(), kPhonesPerBatch);
    FlushBatch(count, &verdicts);
    requests_.erase(requests_.begin(), requests_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return verdicts;
}

void KernelEsp::FlushBatch(size_t count, std::vector<Verdict>* verdicts) {
  Begin();
  std::array<int, kPhonesPerBatch + 1> begins;
  for (size_t i = 0; i < count; ++i) {
    begins[i] = batch_.count();
    for (const xfrm::Sa& sa : requests_[i].sas) {
      if (!requests_[i].install) {
        batch_.DeleteSa(sa.id());
        continue;
      }
      batch_.AddSa(sa);
      if (!sa.tunnel) continue;
      // Of two sets of a phone they may be the same, so they stay to the end.
      policies_.push_back(PolicyOf(sa));
      batch_.UpdatePolicy(policies_.back());
    }
  }
  begins[count] = batch_.count();
  xfrm::BatchVerdict verdict;
  const std::string unknown = Transact(&verdict);
  for (size_t i = 0; i < count; ++i) {
    const Request& request = requests_[i];
    if (!request.install) continue;
    std::string refusal = unknown;
    for (int index = begins[i]; index < begins[i + 1] && refusal.empty(); ++index) {
      const std::errc error = verdict.error(index);
      if (error != std::errc{}) refusal = xfrm::Explain(error);
    }
    for (const xfrm::Sa& sa : request.sas) installed_.push_back(sa.id());
    if (refusal.empty()) sas_installed_ += kSasPerPhone;
    verdicts->push_back({request.phone, std::move(refusal)});
  }
}

void KernelEsp::Begin() {
  batch_.Clear(sequence_);
  sequence_ += xfrm::Batch::kRequestsMax;
  if (sequence_ > UINT32_MAX / 2) sequence_ = 1;
}

std::string KernelEsp::Transact(xfrm::BatchVerdict* verdict) {
  const std::errc result = xfrm::Transact(fd_, &batch_, kTimeoutMs, verdict);
  if (result == std::errc{} && verdict->complete()) return "";
  return fmt::format("no word from the kernel: {}", xfrm::Explain(result));
}

void KernelEsp::RemoveAll() {
  // Answers do not matter: most may be gone already.
  xfrm::BatchVerdict verdict;
  for (size_t done = 0; done < installed_.size();) {
    Begin();
    while (done < installed_.size() && !batch_.full()) batch_.DeleteSa(installed_[done++]);
    Transact(&verdict);
  }
  for (size_t done = 0; done < policies_.size();) {
    Begin();
    while (done < policies_.size() && !batch_.full()) batch_.DeletePolicy(policies_[done++]);
    Transact(&verdict);
  }
}

}  // namespace tools
