// ESP for phones by the kernel of their network namespace: SAs through XFRM netlink, many phones in
// one batch, and the policies that keep their protected ports closed to plain text.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reactor/endpoint.h"
#include "tools/ue_fleet.h"
#include "xfrm/batch.h"
#include "xfrm/reply.h"
#include "xfrm/sa.h"

namespace tools {

// Blocks while the kernel works. Needs CAP_NET_ADMIN. The address that a phone behind a NAT has
// there must be local to the namespace, as it stands within the tunnel.
class KernelEsp : public EspProvider {
 public:
  // Null, and *error says what the kernel refused.
  static std::unique_ptr<KernelEsp> Open(const reactor::Endpoint& pcscf, std::string* error);
  // Removes every SA and policy it made.
  ~KernelEsp() override;

  // Takes ESP in UDP, for phones behind a NAT. "" or why not.
  std::string OpenUdp();
  // Keeps the NAT's port open for them (RFC 3948 4). REQUIRES: OpenUdp().
  void KeepAlive() const;

  // One inbound and one outbound policy for each address and port: what is not ESP stays out and
  // what has no SA stays in. "" or the kernel's refusal.
  std::string AddPolicies(std::span<const reactor::Endpoint> addresses,
                          std::span<const uint16_t> ports);

  void Install(const PhoneIdentity& identity, const UeAgreement& agreement) override;
  void Remove(const PhoneIdentity& identity, const UeAgreement& agreement) override;

  // Does what was asked for since the last call. A phone whose SAs were not all taken keeps none of
  // them. `refusal`: "" or the kernel's word.
  struct Verdict {
    uint32_t phone;
    std::string refusal;
  };
  std::vector<Verdict> Flush();

  uint64_t sas_installed() const { return sas_installed_; }

 private:
  // Four SAs that are to be added or deleted.
  struct Request {
    uint32_t phone;
    bool install;
    xfrm::EspKeys keys;
    std::array<xfrm::Sa, 4> sas;
  };
  KernelEsp(int fd, const reactor::Endpoint& pcscf) : fd_(fd), pcscf_(pcscf) {}
  void Add(const PhoneIdentity& identity, const UeAgreement& agreement, bool install);
  void FlushBatch(size_t count, std::vector<Verdict>* verdicts);
  // Sends what is in the batch; "" or why the outcome is unknown.
  std::string Transact(xfrm::BatchVerdict* verdict);
  void Begin();
  void RemoveAll();

  int fd_;
  int udp_fd_ = -1;
  reactor::Endpoint pcscf_;
  xfrm::Batch batch_;
  uint32_t sequence_ = 1;
  std::deque<Request> requests_;
  std::vector<xfrm::Policy> policies_;
  std::vector<xfrm::SaId> installed_;  // Ever; deleting twice does no harm.
  uint64_t sas_installed_ = 0;
};

}  // namespace tools
