#include "xfrm/fake_kernel.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "xfrm/fake_answer.h"
#include "xfrm/fake_tables.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

using Bytes = std::span<const std::byte>;
using Datagram = std::vector<std::byte>;

bool IsDump(const nlmsghdr& header) {
  const bool is_get =
      header.nlmsg_type == XFRM_MSG_GETSA || header.nlmsg_type == XFRM_MSG_GETPOLICY;
  return is_get && (header.nlmsg_flags & NLM_F_DUMP) != 0;
}

}  // namespace

struct FakeKernel::State {
  Refusal Handle(const nlmsghdr& header, Bytes body, uint64_t now, std::vector<Datagram>* answers);

  FakeTables tables;

  std::function<std::errc(uint16_t, int)> fault;
  int fault_ordinal = 0;
  int answers_to_drop = 0;
  std::optional<size_t> room;  // Of the next send's answers.
  bool interrupt_dump = false;
  bool hold = false;
  std::vector<Datagram> held;
};

FakeKernel::FakeKernel() : state_(new State) {}
FakeKernel::~FakeKernel() = default;

// As netlink_rcv_skb: in order, on after a failure, a failure always told, a success if asked.
void FakeKernel::Send(Bytes request, uint64_t now_seconds, std::vector<Datagram>* answers) {
  std::vector<Datagram> made;
  nlmsghdr header;
  while (ReadAt(request, 0, &header)) {
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > request.size()) break;
    const Bytes body = request.subspan(sizeof(header), header.nlmsg_len - sizeof(header));
    const bool is_control = header.nlmsg_type < NLMSG_MIN_TYPE;
    const bool is_request = (header.nlmsg_flags & NLM_F_REQUEST) != 0 && !is_control;
    const Refusal refusal =
        is_request ? state_->Handle(header, body, now_seconds, &made) : Refusal{};
    // A dump that has begun ends with NLMSG_DONE and is not acknowledged.
    const bool wants_ack = (header.nlmsg_flags & NLM_F_ACK) != 0 && !IsDump(header);
    if (refusal || wants_ack) AppendAck(header, refusal, &made.emplace_back());
    request =
        request.subspan(std::min<size_t>(MNL_ALIGN(size_t{header.nlmsg_len}), request.size()));
  }
  if (state_->room.has_value()) {
    made.resize(std::min(made.size(), *std::exchange(state_->room, std::nullopt)));
  }
  if (state_->answers_to_drop > 0) {
    --state_->answers_to_drop;
    return;
  }
  std::vector<Datagram>* target = state_->hold ? &state_->held : answers;
  std::move(made.begin(), made.end(), std::back_inserter(*target));
}

bool FakeKernel::Advance(uint64_t now_seconds, std::vector<Datagram>* events, size_t work_max) {
  return state_->tables.Expire(now_seconds, events, work_max);
}

void FakeKernel::SetFault(std::function<std::errc(uint16_t type, int ordinal)> fault) {
  state_->fault = std::move(fault);
  state_->fault_ordinal = 0;
}

void FakeKernel::DropNextAnswers(int count) {
  state_->answers_to_drop = count;
}

void FakeKernel::CutNextAnswers(size_t room) {
  state_->room = room;
}

void FakeKernel::InterruptNextDump() {
  state_->interrupt_dump = true;
}

void FakeKernel::HoldAnswers(bool hold) {
  state_->hold = hold;
}

void FakeKernel::ReleaseAnswers(std::vector<Datagram>* answers) {
  std::move(state_->held.begin(), state_->held.end(), std::back_inserter(*answers));
  state_->held.clear();
}

void FakeKernel::SetOffloadDevice(const OffloadDevice& device) {
  state_->tables.devices().Set(device);
}

size_t FakeKernel::sa_count() const {
  return state_->tables.sa_count();
}

size_t FakeKernel::policy_count() const {
  return state_->tables.policy_count();
}

// Read back from the bytes of a dump, so that nothing is told here which the wire would not say.
std::vector<SaInfo> FakeKernel::Sas() const {
  std::vector<SaInfo> infos;
  infos.reserve(sa_count());
  state_->tables.ListSas([&infos](Bytes datagram) {
    Reply reply;
    ReplyReader reader(datagram);
    if (reader.Next(&reply)) infos.push_back(reply.sa);
  });
  return infos;
}

std::vector<PolicyInfo> FakeKernel::Policies() const {
  std::vector<PolicyInfo> infos;
  state_->tables.ListPolicies([&infos](Bytes datagram) {
    Reply reply;
    ReplyReader reader(datagram);
    if (reader.Next(&reply) && reply.kind == ReplyKind::kPolicy) infos.push_back(reply.policy);
  });
  return infos;
}

bool FakeKernel::CountPacket(const SaId& id, size_t bytes, uint64_t now_seconds) {
  return state_->tables.CountPacket(id, bytes, now_seconds);
}

bool FakeKernel::CountUndecrypted(const SaId& id) {
  xfrm_stats* stats = state_->tables.StatsOf(id);
  if (stats != nullptr) ++stats->integrity_failed;
  return stats != nullptr;
}

bool FakeKernel::CountReplayed(const SaId& id) {
  xfrm_stats* stats = state_->tables.StatsOf(id);
  if (stats != nullptr) ++stats->replay;
  return stats != nullptr;
}

bool FakeKernel::ReceiveInUdp(const SaId& id, const Address& source, uint16_t port,
                              uint64_t now_seconds, std::vector<Datagram>* events) {
  return state_->tables.ReceiveInUdp(id, source, port, now_seconds, events);
}

std::optional<SaId> FakeKernel::CarrierOf(const Selector& flow, uint32_t reqid) const {
  return state_->tables.CarrierOf(flow, reqid);
}

Refusal FakeKernel::State::Handle(const nlmsghdr& header, Bytes body, uint64_t now,
                                  std::vector<Datagram>* answers) {
  // What the kernel does not know it refuses before anything else.
  if (fault && header.nlmsg_type <= XFRM_MSG_MAX) {
    const std::errc refused = fault(header.nlmsg_type, fault_ordinal++);
    if (refused != std::errc{}) return {refused, {}};
  }
  const size_t before = answers->size();
  const Refusal refusal = tables.Handle(header, body, now, answers);
  if (!IsDump(header) || !std::exchange(interrupt_dump, false)) return refusal;
  for (size_t i = before; i < answers->size(); ++i) MarkInterrupted(&(*answers)[i]);
  return refusal;
}

}  // namespace xfrm
