#include "xfrm/fake_kernel.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include <algorithm>
#include <cstring>
#include <queue>
#include <unordered_map>
#include <utility>

#include "xfrm/fake_answer.h"
#include "xfrm/fake_check.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

using Bytes = std::span<const std::byte>;
using Datagram = std::vector<std::byte>;

constexpr size_t kDumpPartSizeMax = 16 << 10;  // About what the kernel fills before it sends.

// What the SAD is keyed by; the protocol is always ESP.
struct SaKey {
  std::array<uint8_t, 16> destination;
  uint32_t spi;  // Network byte order, as on the wire.
  uint16_t family;
  bool operator==(const SaKey&) const = default;
};

struct SaKeyHash {
  size_t operator()(const SaKey& key) const {
    uint64_t parts[2];
    std::memcpy(parts, key.destination.data(), sizeof(parts));
    const uint64_t mixed =
        (parts[0] ^ parts[1] * 0x9e3779b97f4a7c15) + key.spi * 0xff51afd7ed558ccd;
    return mixed ^ mixed >> 32;
  }
};

// Attributes as they go back in a dump. Holds keys, so it wipes itself.
struct StoredAttributes {
  Datagram bytes;
  StoredAttributes() = default;
  StoredAttributes(StoredAttributes&&) = default;
  StoredAttributes& operator=(StoredAttributes&&) = default;
  ~StoredAttributes() { Wipe(bytes.data(), bytes.size()); }
};

struct StoredSa {
  xfrm_usersa_info info;
  StoredAttributes attributes;
};

struct StoredPolicy {
  xfrm_userpolicy_info info;
  Datagram templates;
};

// When an SA's hard lifetime may end. Stale once the SA was updated or deleted: it is looked at
// again when its time comes.
struct Deadline {
  uint64_t seconds;
  SaKey key;
  bool operator>(const Deadline& other) const { return seconds > other.seconds; }
};

SaKey KeyOf(const xfrm_address_t& destination, uint16_t family, uint32_t spi) {
  SaKey key{};
  std::memcpy(key.destination.data(), &destination, family == AF_INET ? 4 : 16);
  key.spi = spi;
  key.family = family;
  return key;
}

SaKey KeyOf(const xfrm_usersa_info& info) {
  return KeyOf(info.id.daddr, info.family, info.id.spi);
}

uint64_t HardDeadline(const xfrm_usersa_info& info) {
  return info.curlft.add_time + info.lft.hard_add_expires_seconds;
}

// In the kernel's order (copy_to_user_state_extra).
void Store(const RequestAttributes& attributes, Datagram* bytes) {
  for (const uint16_t type :
       {XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_CRYPT, XFRMA_REPLAY_ESN_VAL}) {
    if (attributes.has(type)) AppendAttribute(type, attributes.of(type), bytes);
  }
}

bool IsDump(const nlmsghdr& header) {
  const bool is_get =
      header.nlmsg_type == XFRM_MSG_GETSA || header.nlmsg_type == XFRM_MSG_GETPOLICY;
  return is_get && (header.nlmsg_flags & NLM_F_DUMP) != 0;
}

// A request cut into its parts.
struct Request {
  nlmsghdr header;
  Bytes fixed;
  RequestAttributes attributes;
};

}  // namespace

struct FakeKernel::State {
  Refusal Handle(const nlmsghdr& header, Bytes body, uint64_t now, std::vector<Datagram>* answers);
  Refusal Dump(const nlmsghdr& header, std::vector<Datagram>* answers);
  Refusal AddSa(const Request& request, uint64_t now);
  Refusal UpdateSa(const Request& request);
  Refusal DeleteOrGetSa(const Request& request, std::vector<Datagram>* answers);
  Refusal PutPolicy(const Request& request);
  Refusal DeleteOrGetPolicy(const Request& request, std::vector<Datagram>* answers);
  Refusal FaultFor(uint16_t type);
  void AddDeadline(const xfrm_usersa_info& info);

  std::unordered_map<SaKey, StoredSa, SaKeyHash> sas;
  std::vector<StoredPolicy> policies;
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<Deadline>> deadlines;
  uint32_t next_policy_index = 8;

  std::function<std::errc(uint16_t, int)> fault;
  int fault_ordinal = 0;
  int answers_to_drop = 0;
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
  if (state_->answers_to_drop > 0) {
    --state_->answers_to_drop;
    return;
  }
  std::vector<Datagram>* target = state_->hold ? &state_->held : answers;
  std::move(made.begin(), made.end(), std::back_inserter(*target));
}

void FakeKernel::Advance(uint64_t now_seconds, std::vector<Datagram>* events) {
  while (!state_->deadlines.empty() && state_->deadlines.top().seconds <= now_seconds) {
    const SaKey key = state_->deadlines.top().key;
    state_->deadlines.pop();
    const auto found = state_->sas.find(key);
    if (found == state_->sas.end()) continue;
    const xfrm_usersa_info& info = found->second.info;
    const bool is_due = info.lft.hard_add_expires_seconds != 0 && HardDeadline(info) <= now_seconds;
    if (!is_due) continue;
    if (events != nullptr) AppendHardExpire(info, &events->emplace_back());
    state_->sas.erase(found);
  }
}

void FakeKernel::SetFault(std::function<std::errc(uint16_t type, int ordinal)> fault) {
  state_->fault = std::move(fault);
  state_->fault_ordinal = 0;
}

void FakeKernel::DropNextAnswers(int count) {
  state_->answers_to_drop = count;
}

void FakeKernel::HoldAnswers(bool hold) {
  state_->hold = hold;
}

void FakeKernel::ReleaseAnswers(std::vector<Datagram>* answers) {
  std::move(state_->held.begin(), state_->held.end(), std::back_inserter(*answers));
  state_->held.clear();
}

size_t FakeKernel::sa_count() const {
  return state_->sas.size();
}

size_t FakeKernel::policy_count() const {
  return state_->policies.size();
}

// Read back from the bytes of a dump, so that nothing is told here which the wire would not say.
std::vector<SaInfo> FakeKernel::Sas() const {
  std::vector<SaInfo> infos;
  infos.reserve(state_->sas.size());
  for (const auto& [key, sa] : state_->sas) {
    Datagram datagram;
    AppendSa(sa.info, sa.attributes.bytes, 0, 0, &datagram);
    Reply reply;
    ReplyReader reader(datagram);
    if (reader.Next(&reply)) infos.push_back(reply.sa);
    Wipe(datagram.data(), datagram.size());
  }
  return infos;
}

std::vector<PolicyInfo> FakeKernel::Policies() const {
  std::vector<PolicyInfo> infos;
  for (const StoredPolicy& policy : state_->policies) {
    Datagram datagram;
    AppendPolicy(policy.info, policy.templates, 0, 0, &datagram);
    Reply reply;
    ReplyReader reader(datagram);
    if (reader.Next(&reply) && reply.kind == ReplyKind::kPolicy) infos.push_back(reply.policy);
  }
  return infos;
}

bool FakeKernel::CountPacket(const SaId& id, size_t bytes, uint64_t now_seconds) {
  const xfrm_usersa_id wire = ToWire(id);
  const auto found = state_->sas.find(KeyOf(wire.daddr, wire.family, wire.spi));
  if (found == state_->sas.end()) return false;
  xfrm_lifetime_cur& current = found->second.info.curlft;
  if (current.use_time == 0) current.use_time = now_seconds;
  current.bytes += bytes;
  current.packets += 1;
  return true;
}

// As xfrm_user_rcv_msg.
Refusal FakeKernel::State::Handle(const nlmsghdr& header, Bytes body, uint64_t now,
                                  std::vector<Datagram>* answers) {
  if (header.nlmsg_type > XFRM_MSG_MAX) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = FaultFor(header.nlmsg_type)) return refusal;

  if (IsDump(header)) return Dump(header, answers);

  const size_t fixed_size = FixedSizeOf(header.nlmsg_type);
  if (fixed_size == 0) {
    return {std::errc::operation_not_supported, "the fake kernel does not model this request"};
  }
  if (body.size() < fixed_size) return {std::errc::invalid_argument, "Invalid header length"};
  Request request = {header, body.first(fixed_size), {}};
  const size_t attributes_at = std::min<size_t>(MNL_ALIGN(fixed_size), body.size());
  if (const Refusal refusal = ParseAttributes(body.subspan(attributes_at), &request.attributes)) {
    return refusal;
  }
  switch (header.nlmsg_type) {
    case XFRM_MSG_NEWSA:
      return AddSa(request, now);
    case XFRM_MSG_UPDSA:
      return UpdateSa(request);
    case XFRM_MSG_NEWPOLICY:
    case XFRM_MSG_UPDPOLICY:
      return PutPolicy(request);
    case XFRM_MSG_GETSA:
    case XFRM_MSG_DELSA:
      return DeleteOrGetSa(request, answers);
    default:
      return DeleteOrGetPolicy(request, answers);
  }
}

// Parts of some size, then NLMSG_DONE in a datagram of its own.
Refusal FakeKernel::State::Dump(const nlmsghdr& header, std::vector<Datagram>* answers) {
  Datagram* part = nullptr;
  const auto part_with_room = [&]() {
    if (part == nullptr || part->size() > kDumpPartSizeMax) part = &answers->emplace_back();
    return part;
  };
  if (header.nlmsg_type == XFRM_MSG_GETSA) {
    for (const auto& [key, sa] : sas) {
      AppendSa(sa.info, sa.attributes.bytes, header.nlmsg_seq, NLM_F_MULTI, part_with_room());
    }
  } else {
    for (const StoredPolicy& policy : policies) {
      AppendPolicy(policy.info, policy.templates, header.nlmsg_seq, NLM_F_MULTI, part_with_room());
    }
  }
  AppendDone(header.nlmsg_seq, &answers->emplace_back());
  return {};
}

Refusal FakeKernel::State::AddSa(const Request& request, uint64_t now) {
  xfrm_usersa_info info;
  if (!ReadAt(request.fixed, 0, &info)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckSa(info, request.attributes)) return refusal;

  info.curlft = Zeroed<xfrm_lifetime_cur>();
  info.curlft.add_time = now;
  info.stats = Zeroed<xfrm_stats>();
  if (info.sel.family == AF_UNSPEC) info.sel.family = info.family;
  const auto [place, is_new] = sas.try_emplace(KeyOf(info));
  if (!is_new) return {std::errc::file_exists, {}};
  place->second.info = info;
  Store(request.attributes, &place->second.attributes.bytes);
  AddDeadline(info);
  return {};
}

// Takes over the lifetimes and nothing else, though the whole request must be right.
Refusal FakeKernel::State::UpdateSa(const Request& request) {
  xfrm_usersa_info info;
  if (!ReadAt(request.fixed, 0, &info)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckSa(info, request.attributes)) return refusal;
  const auto found = sas.find(KeyOf(info));
  if (found == sas.end()) return {std::errc::no_such_process, {}};
  found->second.info.lft = info.lft;
  AddDeadline(found->second.info);
  return {};
}

Refusal FakeKernel::State::DeleteOrGetSa(const Request& request, std::vector<Datagram>* answers) {
  xfrm_usersa_id id;
  if (!ReadAt(request.fixed, 0, &id)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckSaId(id)) return refusal;
  const auto found = sas.find(KeyOf(id.daddr, id.family, id.spi));
  if (found == sas.end()) return {std::errc::no_such_process, {}};
  if (request.header.nlmsg_type == XFRM_MSG_DELSA) {
    sas.erase(found);
  } else {
    AppendSa(found->second.info, found->second.attributes.bytes, request.header.nlmsg_seq, 0,
             &answers->emplace_back());
  }
  return {};
}

// NEWPOLICY wants the selector to be new; UPDPOLICY replaces or adds. The priority is no part of
// what a policy is known by.
Refusal FakeKernel::State::PutPolicy(const Request& request) {
  xfrm_userpolicy_info info;
  if (!ReadAt(request.fixed, 0, &info)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckPolicy(info, request.attributes)) return refusal;

  const auto found = std::find_if(policies.begin(), policies.end(), [&](const StoredPolicy& other) {
    return other.info.dir == info.dir &&
           std::memcmp(&other.info.sel, &info.sel, sizeof(info.sel)) == 0;
  });
  if (found != policies.end() && request.header.nlmsg_type == XFRM_MSG_NEWPOLICY) {
    return {std::errc::file_exists, {}};
  }
  StoredPolicy& target = found != policies.end() ? *found : policies.emplace_back();
  info.index = next_policy_index + info.dir;
  next_policy_index += 8;
  target.info = info;
  const Bytes templates = request.attributes.of(XFRMA_TMPL);
  target.templates.assign(templates.begin(), templates.end());
  return {};
}

Refusal FakeKernel::State::DeleteOrGetPolicy(const Request& request,
                                             std::vector<Datagram>* answers) {
  xfrm_userpolicy_id id;
  if (!ReadAt(request.fixed, 0, &id)) return {std::errc::invalid_argument, {}};
  if (id.dir > XFRM_POLICY_FWD) return {std::errc::invalid_argument, {}};
  const auto found = std::find_if(policies.begin(), policies.end(), [&](const StoredPolicy& other) {
    if (other.info.dir != id.dir) return false;
    if (id.index != 0) return other.info.index == id.index;
    return std::memcmp(&other.info.sel, &id.sel, sizeof(id.sel)) == 0;
  });
  if (found == policies.end()) return {std::errc::no_such_file_or_directory, {}};
  if (request.header.nlmsg_type == XFRM_MSG_DELPOLICY) {
    policies.erase(found);
  } else {
    AppendPolicy(found->info, found->templates, request.header.nlmsg_seq, 0,
                 &answers->emplace_back());
  }
  return {};
}

Refusal FakeKernel::State::FaultFor(uint16_t type) {
  if (!fault) return {};
  return {fault(type, fault_ordinal++), {}};
}

void FakeKernel::State::AddDeadline(const xfrm_usersa_info& info) {
  if (info.lft.hard_add_expires_seconds == 0) return;
  deadlines.push({HardDeadline(info), KeyOf(info)});
}

}  // namespace xfrm
