// A model of the kernel's SAD and SPD that speaks the same netlink bytes, for tests, for
// simulation and for machines without ESP. It does no ESP: traffic stays plain.
//
// It checks what the kernel checks (lengths, algorithms, keys, selectors, duplicates) and answers
// what the kernel answers; tests/xfrm_conformance_test.cc holds the two together. On top it can be
// told to misbehave.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "xfrm/fake_offload.h"
#include "xfrm/reply.h"
#include "xfrm/sa.h"

namespace xfrm {

class FakeKernel {
 public:
  FakeKernel();
  ~FakeKernel();

  // Handles the bytes of one send, `now_seconds` since the epoch. Each datagram the kernel would
  // have sent back is appended to *answers.
  void Send(std::span<const std::byte> request, uint64_t now_seconds,
            std::vector<std::vector<std::byte>>* answers);
  // Lets lifetimes end; nothing else does, so an SA that is due stays until then. EXPIRE events,
  // soft and hard, go to *events when it is not null. Looks at work_max deadlines at most; false:
  // some that are due are left for the next call.
  bool Advance(uint64_t now_seconds, std::vector<std::vector<std::byte>>* events = nullptr,
               size_t work_max = SIZE_MAX);

  // Faults, each for the requests that come next.
  // `fault` is asked for every request before it is done (type XFRM_MSG_*, ordinal from 0 since the
  // call); a value other than std::errc{} is the refusal.
  void SetFault(std::function<std::errc(uint16_t type, int ordinal)> fault);
  // The next `count` sends are done but never answered: the lost ack.
  void DropNextAnswers(int count);
  // Of the next send only the first `room` datagrams are answered: a receive buffer too small.
  void CutNextAnswers(size_t room);
  // The next dump says of itself that the table moved under it.
  void InterruptNextDump();
  void HoldAnswers(bool hold);  // Late answers: kept until ReleaseAnswers.
  void ReleaseAnswers(std::vector<std::vector<std::byte>>* answers);

  // Puts a network device there, or changes it. There is none at first.
  void SetOffloadDevice(const OffloadDevice& device);

  size_t sa_count() const;
  size_t policy_count() const;
  std::vector<SaInfo> Sas() const;
  std::vector<PolicyInfo> Policies() const;
  // Counts a packet on an SA, as if ESP had passed, so that use counters can be shown.
  bool CountPacket(const SaId& id, size_t bytes, uint64_t now_seconds);
  // Likewise a packet that an SA could not decrypt, or refused as seen before.
  bool CountUndecrypted(const SaId& id);
  bool CountReplayed(const SaId& id);
  // As if ESP in UDP had come in on an SA from there; the MAPPING event, if that is another address
  // or port than the SA says, goes to *events. False: no such SA, or not in a UDP tunnel.
  bool ReceiveInUdp(const SaId& id, const Address& source, uint16_t port, uint64_t now_seconds,
                    std::vector<std::vector<std::byte>>* events);
  // The SA that a packet of ours would go through: of those with this selector the newest, but one
  // whose soft lifetime is over only if there is no other. Walks the table.
  std::optional<SaId> CarrierOf(const Selector& flow, uint32_t reqid) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace xfrm
