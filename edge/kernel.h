// The kernel behind a worker: the real one through netlink, or the fake one in the same process.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "edge/kernel_queue.h"
#include "edge/offload.h"
#include "edge/settings.h"
#include "reactor/netlink.h"
#include "reactor/reactor.h"
#include "xfrm/counters.h"
#include "xfrm/fake_kernel.h"
#include "xfrm/reconcile.h"
#include "xfrm/reply.h"
#include "xfrm/sa.h"

namespace edge {

// Two per protected socket, in and out (design D1).
std::vector<xfrm::Policy> SharedPolicies(const Settings& settings);

// What an earlier run left and this one goes on with.
struct KnownSas {
  std::span<const xfrm::Sa> sas;
  // See Known in edge/restart.h.
  xfrm::Lifetimes lifetimes = {};
  std::function<void(std::span<const uint32_t> missing)> before_install = {};
};

// Where the kernel's answers go.
class KernelAnswers {
 public:
  virtual ~KernelAnswers() = default;
  // One datagram, lent for the call.
  virtual void OnReply(std::span<const std::byte> bytes) = 0;
  // Some were lost: every batch under way has an unknown outcome.
  virtual void OnLoss() = 0;
  // Is it to be told of ESP in UDP from elsewhere (ipsec.udp_enc_tun)? A lost event comes again
  // with the phone's next packet.
  virtual bool wants_mappings() const { return false; }
  virtual void OnMapping(const xfrm::Mapping&) {}
};

class Kernel : public KernelLink {
 public:
  // Before the ports are bound: makes sure that nobody else runs with our reqid, makes the kernel
  // hold of ours the SAs that are `known` (with their keys) and no others (edge/restart), puts the
  // shared policies in place. False: *error names what the kernel refused and what to do.
  virtual bool Prepare(const Settings& settings, const KnownSas& known, std::string* error) = 0;
  // Instead, where another process hands over: the kernel holds what that one knows, and so do we.
  // `files` are what files() of that one's were, and are taken.
  virtual bool Inherit(const Settings&, std::vector<int> files, std::string*) {
    for (const int fd : files) close(fd);
    return true;
  }
  // What says that nobody else runs with our reqid, and sockets that only the kernel reads. They
  // stay the kernel's.
  virtual std::vector<int> files() const { return {}; }
  // Are its SAs gone with its process? Then they are given to it again.
  virtual bool is_simulated() const { return false; }
  // Of each worker's kernel, after Prepare() of the first: the SAs among them that are its own.
  // Only a simulated one, which went with its process, has to be told.
  virtual void Adopt(std::span<const xfrm::Sa>) {}
  // Answers go to `answers` from now on. False: *error.
  virtual bool Attach(reactor::Reactor* reactor, KernelAnswers* answers, std::string* error) = 0;
  // Hands over answers that came without the ring (the fake kernel's), and are there any?
  virtual void Deliver() = 0;
  virtual bool has_answers() const = 0;
  // What Prepare found out about ipsec.offload.
  OffloadPlan& offload() { return offload_; }
  // What this namespace's IPsec counted (xfrm/counters.h), read from memory of the kernel: some
  // 5 µs. False: there are no such counters.
  virtual bool ReadCounters(xfrm::KernelCounters* counters) = 0;
  // After the last answer: takes no more; detached() after some Dispatch().
  virtual void Detach() = 0;
  virtual bool detached() const = 0;
  // After the ports are closed: removes the shared policies.
  virtual void Retire(const Settings& settings) = 0;

 protected:
  OffloadPlan offload_;
};

std::unique_ptr<Kernel> MakeRealKernel();
// SAs are only pretended: traffic on the protected ports stays in clear.
std::unique_ptr<Kernel> MakeSimulatedKernel();

}  // namespace edge
