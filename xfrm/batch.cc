#include "xfrm/batch.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "xfrm/wire.h"

namespace xfrm {
namespace {

template <typename T>
void PutBody(nlmsghdr* header, const T& body) {
  std::memcpy(mnl_nlmsg_put_extra_header(header, sizeof(T)), &body, sizeof(T));
}

// Appends an attribute and yields its payload, zeroed, to be filled in place: key bytes are written
// once, into memory that Clear() wipes.
std::byte* PutAttribute(nlmsghdr* header, uint16_t type, size_t size) {
  std::byte* at = static_cast<std::byte*>(mnl_nlmsg_get_payload_tail(header));
  const size_t whole = sizeof(nlattr) + size;
  const nlattr attribute = {static_cast<uint16_t>(whole), type};
  std::memset(at, 0, MNL_ALIGN(whole));
  std::memcpy(at, &attribute, sizeof(attribute));
  header->nlmsg_len += static_cast<uint32_t>(MNL_ALIGN(whole));
  return at + sizeof(attribute);
}

// The three structures differ in one field:
//   xfrm_algo_auth | name[64] | key bits | trunc bits | key |
//   xfrm_algo_aead | name[64] | key bits | icv bits   | key |
//   xfrm_algo      | name[64] | key bits | key |
void PutAlgorithm(nlmsghdr* header, const KernelAlgorithm& row, std::span<const uint8_t> key) {
  if (row.attribute == Attribute::kNone) return;
  assert(key.size() * 8 == row.key_bits);  // Never a zero-length or short key.
  static_assert(sizeof(xfrm_algo_auth) == sizeof(xfrm_algo_aead));
  static_assert(offsetof(xfrm_algo_auth, alg_trunc_len) == offsetof(xfrm_algo_aead, alg_icv_len));

  const bool has_icv = row.attribute != Attribute::kCrypt;
  const size_t fixed = has_icv ? sizeof(xfrm_algo_auth) : sizeof(xfrm_algo);
  const uint16_t type = row.attribute == Attribute::kAuthTrunc ? XFRMA_ALG_AUTH_TRUNC
                        : row.attribute == Attribute::kAead    ? XFRMA_ALG_AEAD
                                                               : XFRMA_ALG_CRYPT;
  std::byte* payload = PutAttribute(header, type, fixed + key.size());
  const uint32_t key_bits = row.key_bits;
  const uint32_t icv_bits = row.icv_bits;
  std::memcpy(payload, row.name, std::strlen(row.name));
  std::memcpy(payload + offsetof(xfrm_algo, alg_key_len), &key_bits, sizeof(key_bits));
  if (has_icv) {
    std::memcpy(payload + offsetof(xfrm_algo_auth, alg_trunc_len), &icv_bits, sizeof(icv_bits));
  }
  if (!key.empty()) std::memcpy(payload + fixed, key.data(), key.size());
}

// GCM and GMAC are one AEAD attribute, and the kernel refuses AUTH or CRYPT beside it; everything
// else is AUTH_TRUNC and CRYPT, null encryption included.
void PutKeys(nlmsghdr* header, const EspKeys& keys) {
  const KernelAlgorithm& integrity = KernelNameOf(keys.algorithms().integrity);
  PutAlgorithm(header, integrity, keys.integrity_key());
  if (integrity.attribute == Attribute::kAead) return;
  PutAlgorithm(header, KernelNameOf(keys.algorithms().encryption), keys.encryption_key());
}

void PutWideWindow(nlmsghdr* header, const ReplayState& state) {
  const WideWindow window = ToWideWire(state);
  std::memcpy(PutAttribute(header, XFRMA_REPLAY_ESN_VAL, window.size), window.bytes.data(),
              window.size);
}

// A window over 32 packets does not fit the SA's own bitmap and comes as one of its own. Without
// the ESN flag the sequence numbers stay 32 bits wide (TS 33.203 7.1). Of a fresh bitmap the kernel
// wants the head alone: up to half a kilobyte of zeros that need not travel.
void PutReplayWindow(nlmsghdr* header, const Sa& sa) {
  ReplayState fresh;
  fresh.sent = sa.sent;
  if (sa.replay_window <= kWindowInSaMax) {
    if (sa.sent == 0) return;
    const xfrm_replay_state wire = ToWire(fresh);
    std::memcpy(PutAttribute(header, XFRMA_REPLAY_VAL, sizeof(wire)), &wire, sizeof(wire));
    return;
  }
  fresh.window = sa.replay_window;
  constexpr size_t kHeadSize = sizeof(xfrm_replay_state_esn);
  std::memcpy(PutAttribute(header, XFRMA_REPLAY_ESN_VAL, kHeadSize), ToWideWire(fresh).bytes.data(),
              kHeadSize);
}

void PutMark(nlmsghdr* header, const PacketMark& mark) {
  if (mark.mask == 0) return;
  mnl_attr_put_u32(header, XFRMA_SET_MARK, mark.value);
  mnl_attr_put_u32(header, XFRMA_SET_MARK_MASK, mark.mask);
}

void PutTunnel(nlmsghdr* header, const UdpTunnel& tunnel) {
  if (!tunnel) return;
  const xfrm_encap_tmpl wire = ToWire(tunnel);
  mnl_attr_put(header, XFRMA_ENCAP, sizeof(wire), &wire);
}

void PutOffload(nlmsghdr* header, const Offload& offload, std::optional<Direction> direction) {
  if (offload.kind == OffloadKind::kNone) return;
  const xfrm_user_offload wire = ToWire(offload, direction);
  mnl_attr_put(header, XFRMA_OFFLOAD_DEV, sizeof(wire), &wire);
}

xfrm_aevent_id EventIdOf(const SaId& id) {
  xfrm_aevent_id wire = Zeroed<xfrm_aevent_id>();
  wire.sa_id = ToWire(id);
  return wire;
}

}  // namespace

Batch::Batch() : bytes_(new std::byte[kRequestsMax * kRequestSizeMax]) {}

Batch::~Batch() {
  Wipe(bytes_.get(), size_);
}

void Batch::Clear(uint32_t first) {
  Wipe(bytes_.get(), size_);
  size_ = 0;
  count_ = 0;
  first_ = first;
  last_ = nullptr;
  is_dump_ = false;
}

int Batch::AddSa(const Sa& sa) {
  assert(sa.keys != nullptr);
  return PutSa(XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL, sa);
}

int Batch::UpdateSa(const Sa& sa) {
  return PutSa(XFRM_MSG_UPDSA, 0, sa);
}

int Batch::DeleteSa(const SaId& id) {
  nlmsghdr* header = Begin(XFRM_MSG_DELSA, 0);
  PutBody(header, ToWire(id));
  return End(header);
}

int Batch::GetSa(const SaId& id) {
  nlmsghdr* header = Begin(XFRM_MSG_GETSA, 0);
  PutBody(header, ToWire(id));
  return End(header);
}

int Batch::GetReplay(const SaId& id) {
  nlmsghdr* header = Begin(XFRM_MSG_GETAE, 0);
  PutBody(header, EventIdOf(id));
  return End(header);
}

// The kernel wants to read "replace", though nothing else can be meant.
int Batch::SetReplay(const SaId& id, const ReplayState& state) {
  nlmsghdr* header = Begin(XFRM_MSG_NEWAE, NLM_F_REPLACE);
  PutBody(header, EventIdOf(id));
  if (state.window > kWindowInSaMax) {
    PutWideWindow(header, state);
  } else {
    const xfrm_replay_state wire = ToWire(state);
    std::memcpy(PutAttribute(header, XFRMA_REPLAY_VAL, sizeof(wire)), &wire, sizeof(wire));
  }
  return End(header);
}

int Batch::AddPolicy(const Policy& policy) {
  return PutPolicy(XFRM_MSG_NEWPOLICY, NLM_F_CREATE | NLM_F_EXCL, policy);
}

int Batch::UpdatePolicy(const Policy& policy) {
  return PutPolicy(XFRM_MSG_UPDPOLICY, NLM_F_CREATE | NLM_F_REPLACE, policy);
}

int Batch::DeletePolicy(const Policy& policy) {
  return PutPolicyId(XFRM_MSG_DELPOLICY, policy);
}

int Batch::GetPolicy(const Policy& policy) {
  return PutPolicyId(XFRM_MSG_GETPOLICY, policy);
}

int Batch::DumpSas() {
  return PutDump(XFRM_MSG_GETSA);
}

int Batch::DumpPolicies() {
  return PutDump(XFRM_MSG_GETPOLICY);
}

std::span<const std::byte> Batch::Seal() {
  assert(count_ > 0);
  // A dump ends with NLMSG_DONE instead; the kernel sends no acknowledgement for it.
  if (!is_dump_) last_->nlmsg_flags |= NLM_F_ACK;
  return {bytes_.get(), size_};
}

nlmsghdr* Batch::Begin(uint16_t type, uint16_t flags) {
  assert(!full() && !is_dump_);
  nlmsghdr* header = mnl_nlmsg_put_header(bytes_.get() + size_);
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header->nlmsg_seq = first_ + static_cast<uint32_t>(count_);
  return header;
}

int Batch::End(nlmsghdr* header) {
  assert(header->nlmsg_len <= kRequestSizeMax && header->nlmsg_len % MNL_ALIGNTO == 0);
  size_ += header->nlmsg_len;
  last_ = header;
  return count_++;
}

int Batch::PutSa(uint16_t type, uint16_t flags, const Sa& sa) {
  nlmsghdr* header = Begin(type, flags);
  PutBody(header, ToWire(sa));
  if (sa.keys != nullptr) {
    PutKeys(header, *sa.keys);
  } else {
    // An update takes over lifetimes alone, but the kernel wants to see some algorithm.
    PutAlgorithm(header, KernelNameOf(Encryption::kNull), {});
  }
  PutTunnel(header, sa.tunnel);
  if (type == XFRM_MSG_NEWSA) PutMark(header, sa.mark);  // It would be taken over at an update.
  PutReplayWindow(header, sa);
  // At an update it would go to the device a second time, and off it with what is thrown away.
  if (type == XFRM_MSG_NEWSA) PutOffload(header, sa.offload, sa.direction);
  return End(header);
}

int Batch::PutPolicy(uint16_t type, uint16_t flags, const Policy& policy) {
  nlmsghdr* header = Begin(type, flags);
  PutBody(header, ToWire(policy));
  const xfrm_user_tmpl entry = TemplateOf(policy);
  mnl_attr_put(header, XFRMA_TMPL, sizeof(entry), &entry);
  PutOffload(header, policy.offload, std::nullopt);
  return End(header);
}

int Batch::PutPolicyId(uint16_t type, const Policy& policy) {
  nlmsghdr* header = Begin(type, 0);
  xfrm_userpolicy_id id = Zeroed<xfrm_userpolicy_id>();
  id.sel = SelectorOf(policy);
  id.dir = policy.direction == Direction::kIn ? XFRM_POLICY_IN : XFRM_POLICY_OUT;
  PutBody(header, id);
  return End(header);
}

int Batch::PutDump(uint16_t type) {
  assert(count_ == 0);
  nlmsghdr* header = Begin(type, NLM_F_DUMP);
  is_dump_ = true;
  return End(header);
}

}  // namespace xfrm
